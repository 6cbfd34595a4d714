"""Functions and objects that were passed are given back, and end with their connection or their call."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from children import Children
from references import shared
from waiting import wait_until

import ipcbridge as ipc
from ipcbridge import aio

Function = Callable[..., Any]


class Row:
    def read(self) -> int:
        return 7


def test_an_object_is_freed_when_the_other_side_gives_it_back(serve: Any, connect: Any) -> None:
    serve("rows", {"make": lambda: ipc.proxy(Row())})
    rows = connect("rows")
    for _ in range(1_000):
        with rows.make() as row:
            assert row.read() == 7
    wait_until(lambda: shared() == 0)


def make_two() -> list[Any]:
    return [ipc.proxy(Row()), ipc.retain(len)]


def leave_a_block_of(reference: Any) -> None:
    with reference:
        pass


@pytest.mark.parametrize("give_back", [ipc.close, ipc.release, leave_a_block_of])
def test_who_has_a_function_or_an_object_gives_it_back(give_back: Function, serve: Any, connect: Any) -> None:
    serve("rows", {"make": make_two})
    row, function = connect("rows").make()
    assert (row.read(), function("abc")) == (7, 3)
    for each in (row, function, row):
        give_back(each)
    for call in (row.read, lambda: function("abc")):
        with pytest.raises(ipc.IpcError, match="is gone"):
            call()
    wait_until(lambda: shared() == 0)


def test_under_asyncio_it_is_given_back(serve: Any, run: Any) -> None:
    serve("rows", {"make": make_two})

    async def main() -> None:
        async with aio.connect("rows") as rows:
            row, function = await rows.make()
            assert (await row.read(), await function("abc")) == (7, 3)
            await aio.close(row)
            await aio.close(function)
            for call in (row.read, lambda: function("abc")):
                with pytest.raises(ipc.IpcError, match="is gone"):
                    await call()

    run(main())
    wait_until(lambda: shared() == 0)


def test_the_end_of_the_connection_frees_what_it_was_given(serve: Any, connect: Any) -> None:
    serve("rows", {"make": lambda: ipc.proxy(Row())})
    rows = connect("rows")
    kept = [rows.make() for _ in range(10)]
    assert shared() == 10
    ipc.close(rows)
    wait_until(lambda: shared() == 0)
    with pytest.raises(ipc.IpcError):
        kept[0].read()


def test_a_retained_one_survives_a_service_that_is_killed(children: Children, connect: Any) -> None:
    child = children.serve(
        "calc", "kept = []\nservice['keep'] = lambda f: kept.append(f)\nservice['fire'] = lambda: kept[-1]()"
    )
    calc = connect("calc")
    function = ipc.retain(lambda: "called")
    calc.keep(function)
    assert calc.fire() == "called"
    child.kill()
    child.wait()
    wait_until(lambda: shared() == 0)
    children.serve(
        "calc", "kept = []\nservice['keep'] = lambda f: kept.append(f)\nservice['fire'] = lambda: kept[-1]()"
    )
    calc.keep(function)
    assert calc.fire() == "called"


def test_a_caller_that_is_killed_ends_the_callbacks_that_run(children: Children, serve: Any) -> None:
    failed: list[ipc.IpcError] = []
    all_failed = threading.Event()

    def hold(function: Function) -> None:
        try:
            function()
        except ipc.IpcError as error:
            failed.append(error)
            if len(failed) == 50:
                all_failed.set()

    serve("calc", {"hold": hold}, threads=50)
    child = children.run("""
        running = threading.Semaphore(0)
        def wait():
            running.release()
            time.sleep(1000)
        calc = ipc.connect("calc")
        for _ in range(50):
            threading.Thread(target=lambda: calc.hold(wait), daemon=True).start()
        for _ in range(50):
            running.acquire()
        say("running")
        time.sleep(1000)
    """)
    child.expect("running")
    child.send_signal(signal.SIGKILL)
    assert all_failed.wait(30)
    assert {error.code for error in failed} == {"unavailable"}


def test_ctrl_c_during_a_callback_ends_the_call(children: Children) -> None:
    child = children.run("""
        server = ipc.serve("calc", {"call": lambda function: function()})
        def wait():
            say("running")
            time.sleep(1000)
        with ipc.connect("calc") as calc:
            try:
                calc.call(wait)
            except KeyboardInterrupt:
                say("interrupted")
            say(calc.call(lambda: "goes on"))
        server.close(0)
        say("done")
    """)
    child.expect("running")
    child.interrupt()
    child.expect("interrupted")
    child.expect("goes on")
    child.expect("done")
