"""What a handler hears of a caller that waits no longer."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from either import Run

import ipcbridge as ipc
from ipcbridge import aio


@pytest.fixture
def told() -> Any:
    """A handler that waits for its cancellation, and what it has seen by then."""

    class Told:
        def __init__(self) -> None:
            self.seen: list[Any] = []
            self.began = threading.Event()
            self.ended = threading.Event()

        def wait(self, timeout: float = 30) -> bool:
            cancellation = ipc.context().cancellation
            self.seen.append(cancellation.is_set())
            self.began.set()
            self.seen.append(cancellation.wait(timeout))
            self.seen.append((cancellation.is_set(), ipc.context().cancelled()))
            self.ended.set()
            return bool(self.seen[1])

    return Told()


def test_a_blocking_handler_hears_that_its_caller_gave_up(serve_either: Any, connect: Any, told: Any) -> None:
    serve_either("calc", {"wait": told.wait})
    with pytest.raises(ipc.DeadlineExceeded):
        ipc.with_options(connect("calc"), timeout=0.05).wait()
    assert told.ended.wait(30)
    assert told.seen == [False, True, (True, True)]


def test_a_blocking_handler_hears_that_its_caller_cancelled(serve_either: Any, connect: Any, told: Any) -> None:
    serve_either("calc", {"wait": told.wait})
    future = ipc.submit(connect("calc")).wait()
    assert told.began.wait(30)
    assert future.cancel()
    assert told.ended.wait(30)
    assert told.seen == [False, True, (True, True)]


def test_a_blocking_handler_hears_that_its_caller_has_gone(serve_either: Any, told: Any) -> None:
    serve_either("calc", {"wait": told.wait})
    calc = ipc.connect("calc")
    ipc.submit(calc).wait()
    assert told.began.wait(30)
    ipc.close(calc)
    assert told.ended.wait(30)
    assert told.seen == [False, True, (True, True)]


@pytest.mark.parametrize("leave", ["close the stream", "close the client"])
def test_a_plain_generator_hears_that_its_reader_has_gone(leave: str, serve_either: Any, told: Any) -> None:
    def rows() -> Iterator[int]:
        yield 1
        told.wait()
        yield 2

    serve_either("calc", {"rows": rows})
    calc = ipc.connect("calc")
    stream = calc.rows()
    assert next(stream) == 1
    assert told.began.wait(30)
    if leave == "close the stream":
        stream.close()
    ipc.close(calc)
    assert told.ended.wait(30)
    assert told.seen == [False, True, (True, True)]


def test_the_wait_ends_by_its_own_timeout(serve_either: Any, connect: Any, told: Any) -> None:
    serve_either("calc", {"wait": told.wait})
    assert connect("calc").wait(0.01) is False
    assert told.seen == [False, False, (False, False)]


def test_handlers_on_an_executor_hear_it(serve_either: Any, connect: Any, told: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        serve_either("calc", {"wait": told.wait}, executor=pool)
        with pytest.raises(ipc.DeadlineExceeded):
            ipc.with_options(connect("calc"), timeout=0.05).wait()
        assert told.ended.wait(30)
    assert told.seen == [False, True, (True, True)]


def test_threads_of_one_call_all_hear_it(serve: Any, connect: Any) -> None:
    heard = threading.Semaphore(0)

    def wait() -> None:
        cancellation = ipc.context().cancellation

        def listen() -> None:
            if cancellation.wait(30):
                heard.release()

        threads = [threading.Thread(target=listen) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    server = serve("calc", {"wait": wait})
    with pytest.raises(ipc.DeadlineExceeded):
        ipc.with_options(connect("calc"), timeout=0.05).wait()
    for _ in range(3):
        assert heard.acquire(timeout=30)
    assert server.waiters._latches == {}


def test_after_the_answer_nobody_waits(serve: Any, connect: Any) -> None:
    kept = []
    serve("calc", {"keep": lambda: kept.append(ipc.context().cancellation)})
    connect("calc").keep()
    assert kept[0].wait() is False


def test_an_async_handler_is_cancelled_by_a_timeout_of_its_caller(serve_either: Any, run: Run) -> None:
    ended = threading.Event()

    async def sleep() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            assert ipc.context().cancelled()
            ended.set()
            raise

    serve_either("calc", {"sleep": sleep})

    async def main() -> None:
        async with aio.connect("calc") as calc:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(calc.sleep(), 0.05)

    run(main())
    assert ended.wait(30)


def test_a_handler_that_swallows_cancellation_costs_only_itself(serve_either: Any, connect: Any) -> None:
    release = threading.Event()

    async def stubborn() -> str:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
        return "done"

    server = serve_either("calc", {"stubborn": stubborn, "add": lambda a, b: a + b})
    calc = connect("calc")
    for _ in range(3):
        with pytest.raises(ipc.DeadlineExceeded):
            ipc.with_options(calc, timeout=0.03).stubborn()
    assert calc.add(1, 2) == 3
    release.set()
    while server.status()["running_calls"] != 0:
        pass
