"""The end of a server."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from children import Children

import ipcbridge as ipc
from ipcbridge._serve import background as _background


class Slow:
    """A handler that runs until it is released."""

    def __init__(self) -> None:
        self.began, self.released = threading.Event(), threading.Event()
        self.order: list[str] = []

    def __call__(self) -> str:
        self.began.set()
        assert self.released.wait(60)
        self.order.append("slow")
        return "done"

    def begun_by(self, threads: ThreadPoolExecutor, calc: Any) -> Future[Any]:
        """A call of `slow` that is being handled."""
        call = threads.submit(calc.slow)
        assert self.began.wait(60)
        return call


def test_close_lets_running_calls_finish(serve: Any, connect: Any) -> None:
    began, release = threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        release.wait(30)
        return "done"

    server = serve("calc", {"slow": slow})
    calc = connect("calc")
    results: list[str] = []
    caller = threading.Thread(target=lambda: results.append(calc.slow()))
    caller.start()
    assert began.wait(30)
    closer = threading.Thread(target=server.close)
    closer.start()
    release.set()
    caller.join(30)
    closer.join(30)
    assert results == ["done"]


def test_close_cancels_what_outlives_its_grace(serve: Any, connect: Any) -> None:
    began, release = threading.Event(), threading.Event()

    def stuck() -> None:
        began.set()
        release.wait(30)

    server = serve("calc", {"stuck": stuck})
    calc = connect("calc")
    errors: list[ipc.IpcError] = []

    def call() -> None:
        try:
            calc.stuck()
        except ipc.IpcError as error:
            errors.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    assert began.wait(30)
    server.close(grace=0.05)
    caller.join(30)
    release.set()
    assert [error.code in ("cancelled", "unavailable") for error in errors] == [True]


def test_a_handler_may_close_its_own_server_without_grace(serve_either: Any, connect: Any) -> None:
    server = serve_either("calc", {"stop": lambda: server.close(grace=0)})
    with contextlib.suppress(ipc.IpcError):  # its answer may still go out
        connect("calc").stop()
    server.wait()


def test_close_takes_a_server_too(address: str, serve: Any) -> None:
    server = serve(address, {"f": len})
    ipc.close(server, grace=1)
    server.wait()
    assert ipc.serve(address, {"f": len}, takeover="fail").close() is None


def test_a_with_block_lets_calls_finish_on_sigterm(children: Children, connect: Any) -> None:
    server = children.run(
        """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        def work():
            say('begun')
            sys.stdin.readline()
            return 'done'
        with ipc.serve('calc', {'work': work}) as server:
            try:
                say('ready')
                server.wait()
            finally:
                say('closing')
        """
    )
    server.expect("ready")
    calc = connect("calc")
    results: list[str] = []
    caller = threading.Thread(target=lambda: results.append(calc.work()))
    caller.start()
    server.expect("begun")
    server.terminate()
    server.expect("closing")
    server.rest()
    caller.join()
    assert results == ["done"]
    assert server.returncode == 0


@pytest.mark.parametrize("how", ["plain", "async", "executor", "serial", "serial async"])
def test_a_handler_that_closes_its_server_is_answered_like_all_that_had_begun(
    how: str, serve_either: Any, connect: Any
) -> None:
    def stop() -> str:
        server.close(grace=600)
        return "stopping"

    async def stop_async() -> str:
        await server.close_async(grace=600)
        return "stopping"

    slow = Slow()
    handler = ipc.method(serial="serial" in how)(stop_async if "async" in how else stop)
    with ThreadPoolExecutor(2) as executor, ThreadPoolExecutor(1) as threads:
        options = {"executor": executor} if how == "executor" else {}
        server = serve_either("calc", {"slow": slow, "stop": handler}, **options)
        calc = connect("calc")
        call = slow.begun_by(threads, calc)
        assert ipc.with_options(calc, timeout=60).stop() == "stopping"
        slow.released.set()
        assert call.result(60) == "done"
        server.wait()


def test_a_handler_may_close_the_server_that_run_serves(serve: Any, connect: Any) -> None:
    server = serve("calc", {"stop": lambda: server.close(grace=600) or "stopping"})
    calc = ipc.with_options(connect("calc"), timeout=60)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(calc.stop)
        server.run()
        assert call.result(60) == "stopping"
    server.wait()


def test_close_waits_in_what_a_handler_has_left_behind(serve_either: Any, connect: Any) -> None:
    left: list[contextvars.Context] = []
    slow = Slow()
    leave = ipc.method(serial=True)(lambda: left.append(contextvars.copy_context()))
    server = serve_either("calc", {"slow": slow, "leave": leave})
    calc = connect("calc")
    calc.leave()

    def close() -> None:
        left[0].run(server.close, 600)
        slow.order.append("closed")

    with ThreadPoolExecutor(2) as threads:
        slow.begun_by(threads, calc)
        closing = threads.submit(close)
        while ipc.status(calc)["state"] == "ready":  # until the server says goodbye
            pass
        slow.released.set()
        closing.result(60)
    assert slow.order == ["slow", "closed"]


@pytest.mark.parametrize("how", ["plain", "async"])
def test_close_waits_for_a_handler_whose_caller_has_gone_and_that_cleans_up(
    how: str, serve_either: Any, children: Children
) -> None:
    told, closed, released = threading.Event(), threading.Event(), threading.Event()
    order: list[str] = []

    def work() -> None:
        ipc.context().cancellation.wait(60)
        told.set()
        assert released.wait(60)
        order.append("cleaned")

    async def work_async() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            told.set()
            await asyncio.to_thread(released.wait, 60)
            order.append("cleaned")

    def begin() -> None:
        began.set()

    def close() -> None:
        server.close(grace=60)
        order.append("closed")

    began = threading.Event()
    server = serve_either("calc", {"work": work_async if how == "async" else work, "begin": begin})
    caller = children.run("calc = ipc.connect('calc'); call = ipc.submit(calc).work(); calc.begin(); call.result()")
    assert began.wait(60)
    caller.kill()
    assert told.wait(60)
    server.on_state(lambda state, _why: closed.set() if state == "closed" else None)
    closing = threading.Thread(target=close)
    closing.start()
    assert closed.wait(60)
    released.set()
    closing.join(60)
    assert order == ["cleaned", "closed"]


def test_close_waits_no_longer_than_its_grace_for_a_handler_whose_caller_has_gone(
    serve_either: Any, children: Children
) -> None:
    began, released = threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.to_thread(released.wait, 60)

    server = serve_either("calc", {"work": work})
    caller = children.run("ipc.connect('calc').work()")
    assert began.wait(60)
    caller.kill()
    caller.wait()
    server.close(grace=0.01)
    assert not released.is_set()
    released.set()


def test_a_server_whose_threads_cannot_be_started_is_not_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def fail_for_the_third(thread: threading.Thread) -> None:
        if thread.name == "ipcbridge-calc-2":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", fail_for_the_third)
    with pytest.raises(ipc.IpcError, match="can't start new thread") as caught:
        ipc.serve("calc", {"f": len})
    assert caught.value.code == "resource_exhausted"
    with pytest.raises(ipc.Unavailable):
        ipc.connect("calc", connect_timeout=0)
    for thread in threading.enumerate():
        if thread.name.startswith("ipcbridge-calc-"):
            thread.join(60)
            assert not thread.is_alive()


def test_serve_says_so_when_the_thread_of_async_handlers_cannot_be_started(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def echo(value: int) -> int:
        return value

    start = threading.Thread.start

    def fail(thread: threading.Thread) -> None:
        if thread.name == "ipcbridge-async":
            raise RuntimeError("can't start new thread")
        start(thread)

    _background._stop()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        with pytest.raises(ipc.IpcError, match="no more threads") as refused:
            serve("other", {"echo": echo})
        assert refused.value.code == "resource_exhausted"
    serve("other", {"echo": echo})
    assert ipc.with_options(connect("other"), timeout=60).echo(1) == 1
    _background._stop()
