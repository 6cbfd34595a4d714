"""Functions and objects that were passed are given back, and end with their connection or their call."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from children import Children
from either import Run
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


def test_what_came_is_given_back_when_nobody_holds_it_or_a_part_of_it(serve_either: Any, connect: Any) -> None:
    serve_either("rows", {"make": make_two})
    row, function = connect("rows").make()
    patient, read = ipc.with_options(function, timeout=60), row.read
    del row, function
    gc.collect()
    assert (patient("abc"), read()) == (3, 7)
    assert shared() == 2
    del patient, read
    wait_until(lambda: shared() == 0)


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_function_that_is_dropped_right_after_it_was_notified_is_called(
    size: int, serve_either: Any, connect: Any
) -> None:
    count = 100
    heard: list[int] = []
    all_heard = threading.Event()

    def hear(data: bytes) -> None:
        heard.append(len(data))
        if len(heard) == count:
            all_heard.set()

    serve_either("calc", {"tell": lambda function: ipc.notify(function)(bytes(size))})
    calc = connect("calc")
    for _ in range(count):
        calc.tell(ipc.retain(lambda data: hear(data)))
    assert all_heard.wait(30), len(heard)
    wait_until(lambda: shared() == 0)


def test_one_that_is_dropped_and_comes_again_is_given_back_each_time(serve_either: Any, connect: Any) -> None:
    row = Row()
    serve_either("rows", {"make": lambda: ipc.proxy(row), "twice": lambda: [ipc.proxy(row), ipc.proxy(row)]})
    rows = connect("rows")
    for make in (rows.make, rows.twice, rows.make):
        read = rows.make().read
        again = make()  # while a method of the first is held, and nothing else of it
        del read
        assert (again[0] if make is rows.twice else again).read() == 7
        del again
        wait_until(lambda: shared() == 0)


@pytest.mark.parametrize("where", ["on the loop", "on another thread"])
def test_under_asyncio_what_was_dropped_is_given_back_wherever_it_is_collected(
    where: str, serve: Any, run: Run
) -> None:
    serve("rows", {"make": make_two})

    async def main() -> None:
        async with aio.connect("rows") as rows:
            row, function = await rows.make()
            assert (await row.read(), await function("abc")) == (7, 3)
            cycle: list[Any] = [row, function]
            cycle.append(cycle)
            assert shared() == 2
            del row, function, cycle
            if where == "on the loop":
                gc.collect()
            else:
                await asyncio.to_thread(gc.collect)
            await asyncio.to_thread(wait_until, lambda: shared() == 0)

    gc.collect()
    gc.disable()
    try:
        run(main())
    finally:
        gc.enable()


DROP_IN_EVERY_COLLECTION = """
    import asyncio, faulthandler, gc
    from ipcbridge import aio
    from ipcbridge._references import owned
    faulthandler.dump_traceback_later(50, exit=True)
    class Row:
        def read(self): return 7
    ipc.serve('rows', {'make': lambda: [ipc.proxy(Row()), ipc.retain(len)], 'call': lambda function: function()})
    shared = lambda: sum(each.count() for owners in owned._owners for each in owners())
    def in_a_cycle(*held):
        cycle = [*held]
        cycle.append(cycle)
    gc.set_threshold(5)
"""


def test_what_is_dropped_is_given_back_wherever_a_collection_begins(children: Children) -> None:
    child = children.run(f"""{DROP_IN_EVERY_COLLECTION}
    rows = ipc.connect('rows')
    for _ in range(300):
        in_a_cycle(*rows.make())
        rows.call(lambda: in_a_cycle(*rows.make()))
    gc.collect()
    while shared(): time.sleep(0.001)
    say('ok')
    """)
    output, errors = child.rest()
    assert output == "ok\n", errors


def test_under_asyncio_what_is_dropped_is_given_back_wherever_a_collection_begins(children: Children) -> None:
    child = children.run(f"""{DROP_IN_EVERY_COLLECTION}
    async def main():
        rows = await aio.connect('rows')
        async def again():
            in_a_cycle(*await rows.make())
        for _ in range(300):
            await again()
            await rows.call(again)
        gc.collect()
        while shared(): await asyncio.sleep(0.001)
    asyncio.run(main())
    say('ok')
    """)
    output, errors = child.rest()
    assert output == "ok\n", errors


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


@pytest.mark.parametrize("kind", ["with", "async with"])
def test_under_asyncio_a_block_gives_it_back(kind: str, serve: Any, run: Run) -> None:
    serve("rows", {"make": make_two})

    async def main() -> None:
        async with aio.connect("rows") as rows:
            row, function = await rows.make()
            if kind == "with":
                with row as same_row, function as same_function:
                    assert (await same_row.read(), await same_function("abc")) == (7, 3)
            else:
                async with row as same_row, function as same_function:
                    assert (await same_row.read(), await same_function("abc")) == (7, 3)
            for call in (row.read, lambda: function("abc")):
                with pytest.raises(ipc.IpcError, match="is gone"):
                    await call()

    run(main())
    wait_until(lambda: shared() == 0)


def test_its_owner_ends_it_by_a_block_or_by_release(serve_either: Any, connect: Any) -> None:
    kept: list[Any] = []
    serve_either("rows", {"keep": kept.append, "read": lambda: kept[-1].read()})
    rows = connect("rows")
    row = Row()
    with ipc.proxy(row) as passed:
        rows.keep(passed)
        assert rows.read() == 7
    for end in (None, row, ipc.proxy(row)):
        if end is not None:
            ipc.release(end)
        with pytest.raises(ipc.RemoteError, match="is gone") as caught:
            rows.read()
        assert caught.value.code == "failed_precondition"
        assert shared() == 0
        rows.keep(ipc.proxy(row))
        assert rows.read() == 7
    kept.clear()


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
