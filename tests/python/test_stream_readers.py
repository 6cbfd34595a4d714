"""A stream has one reader."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from either import Run

import ipcbridge as ipc
from ipcbridge import aio

WAITS = "another {} waits for this stream's next item"


class Slow:
    """Makes its items when it may."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()

    def rows(self) -> Iterator[int]:
        self.may_go_on.wait(60)
        yield 1
        yield 2

    async def later(self) -> AsyncIterator[int]:
        await asyncio.to_thread(self.may_go_on.wait, 60)
        yield 1
        yield 2


@pytest.fixture
def slow(serve_either: Any, address: str) -> Slow:
    target = Slow()
    serve_either(address, target)
    return target


@pytest.mark.parametrize("method", ["rows", "later"])
def test_of_two_threads_that_wait_one_is_refused(slow: Slow, connect: Any, address: str, method: str) -> None:
    stream = ipc.call(connect(address), method)
    results: queue.Queue[Any] = queue.Queue()

    def read() -> None:
        try:
            results.put(next(stream))
        except ipc.IpcError as error:
            results.put((error.code, str(error)))

    for _ in range(2):
        threading.Thread(target=read).start()
    assert results.get(timeout=60) == ("failed_precondition", WAITS.format("reader"))
    slow.may_go_on.set()
    assert results.get(timeout=60) == 1
    assert list(stream) == [2]  # the stream goes on for whoever reads it


@pytest.mark.parametrize("method", ["rows", "later"])
def test_of_two_tasks_that_wait_one_is_refused(slow: Slow, run: Run, address: str, method: str) -> None:
    async def main() -> None:
        async with aio.connect(address) as calc:
            stream = await aio.call(calc, method)
            tasks = [asyncio.ensure_future(next_of(stream)) for _ in range(2)]
            (refused,), (waiting,) = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            with pytest.raises(ipc.IpcError, match=WAITS.format("task")) as caught:
                await refused
            assert caught.value.code == "failed_precondition"
            slow.may_go_on.set()
            assert await waiting == 1
            assert await stream.to_list() == [2]

    run(main())


async def next_of(stream: Any) -> Any:
    return await stream.__anext__()


def test_one_that_has_been_read_gives_nothing_more(serve: Any, connect: Any, run: Run) -> None:
    serve("calc", {"rows": lambda: ipc.stream([1, 2])})
    stream = connect("calc").rows()
    assert (list(stream), list(stream)) == ([1, 2], [])

    async def main() -> None:
        async with aio.connect("calc") as calc:
            stream = await calc.rows()
            assert (await stream.to_list(), await stream.to_list()) == ([1, 2], [])

    run(main())
