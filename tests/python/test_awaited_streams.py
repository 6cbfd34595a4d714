"""`async def` handlers of the blocking server, and other tasks of loops, wait for items without a thread each."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from either import Run
from waiting import wait_until

import ipcbridge as ipc
from ipcbridge import aio

MANY = 200  # more than asyncio's executor has threads on any machine of the tests


@pytest.fixture(params=["shm", "unix"])
def address(request: pytest.FixtureRequest, names_directory: Path) -> str:
    return f"{request.param}://{names_directory}/calc.socket"


async def total(numbers: AsyncIterator[int]) -> int:
    return sum([number async for number in numbers])


def test_many_handlers_wait_for_items_at_once(address: str, serve: Any, run: Run) -> None:
    async def on_a_thread() -> int:
        return await asyncio.to_thread(lambda: 7)

    server = serve(address, {"total": total, "on_a_thread": on_a_thread})

    async def main() -> None:
        opened = asyncio.Event()

        async def numbers(first: int) -> AsyncIterator[int]:
            yield first
            await opened.wait()
            yield 1

        async with aio.connect(address) as calc:
            calls = [asyncio.ensure_future(calc.total(numbers(number))) for number in range(MANY)]
            while ipc.status(server)["running_calls"] < MANY:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.001)
            assert await calc.on_a_thread() == 7
            opened.set()
            assert await asyncio.gather(*calls) == [number + 1 for number in range(MANY)]

    run(main())


def test_a_handler_waits_for_what_another_brings_about(address: str, serve: Any, run: Run) -> None:
    serve(address, {"total": total})

    async def main() -> None:
        async with aio.connect(address) as calc:

            async def numbers(left: int) -> AsyncIterator[int]:
                if left > 0:
                    yield await calc.total(numbers(left - 1))
                yield 1

            assert await calc.total(numbers(60)) == 61

    run(main())


def test_results_are_awaited_for_as_long_as_their_calls_allow(address: str, serve: Any, run: Run) -> None:
    async def silent() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(3600)

    serve(address, {"silent": silent})

    async def main() -> None:
        with ipc.connect(address) as calc:
            stream = await asyncio.to_thread(ipc.with_options(calc, idle_timeout=0.05).silent)
            assert await stream.__anext__() == 1
            with pytest.raises(ipc.DeadlineExceeded, match="no item of its stream has come"):
                await stream.__anext__()
            assert [item async for item in stream] == []

    run(main())


def test_a_result_goes_on_while_generators_among_the_arguments_do(address: str, serve: Any, run: Run) -> None:
    async def double(numbers: AsyncIterator[int]) -> AsyncIterator[int]:
        async for number in numbers:
            yield 2 * number

    serve(address, {"double": double})

    def numbers() -> Iterator[int]:
        yield from range(20_000)

    async def main() -> None:
        with ipc.connect(address) as calc:
            stream = await asyncio.to_thread(calc.double, numbers())
            assert [item async for item in stream] == [2 * number for number in range(20_000)]

    run(main())


class Gate:
    """Numbers for an argument, whose call gives one back for each time that it is opened."""

    def __init__(self) -> None:
        self._opened = threading.Semaphore(0)

    def open(self) -> None:
        self._opened.release()

    def each(self, numbers: Iterator[int]) -> Iterator[int]:
        for number in numbers:
            assert self._opened.acquire(timeout=30)
            yield number

    def failing(self, numbers: Iterator[int]) -> Iterator[int]:
        yield from self.each(itertools.islice(numbers, 1))
        assert self._opened.acquire(timeout=30)
        raise LookupError("no more")


def endless() -> Iterator[int]:
    yield from itertools.count()


def waiting_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "ipcbridge-stream"]


def test_while_a_call_goes_on_a_task_that_is_cancelled_leaves_its_wait_to_the_next(
    address: str, serve: Any, run: Run
) -> None:
    gate = Gate()
    serve(address, gate)

    async def main() -> None:
        with ipc.connect(address) as calc:
            stream = await asyncio.to_thread(calc.each, endless())
            for expected in range(5):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(stream.__anext__(), 0.01)
                waits = asyncio.ensure_future(stream.__anext__())
                await asyncio.sleep(0)
                with pytest.raises(ipc.IpcError, match="another task waits"):
                    await stream.__anext__()
                assert len(waiting_threads()) == 1
                gate.open()
                assert await waits == expected
            stream.close()
            assert [item async for item in stream] == []
            del stream, waits
            await asyncio.to_thread(wait_until, lambda: waiting_threads() == [])

    run(main())


def test_the_error_that_ends_a_stream_waits_for_the_next_task(address: str, serve: Any, run: Run) -> None:
    gate = Gate()
    serve(address, gate)

    async def main() -> None:
        with ipc.connect(address) as calc:
            stream = await asyncio.to_thread(calc.failing, endless())
            gate.open()
            assert await stream.__anext__() == 0
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(stream.__anext__(), 0.01)
            gate.open()
            await asyncio.to_thread(wait_until, lambda: "ended" in repr(stream))
            with pytest.raises(ipc.RemoteError, match="no more"):
                await stream.__anext__()
            assert [item async for item in stream] == []

    run(main())


def test_a_task_that_is_cancelled_leaves_the_item_to_the_next(address: str, serve: Any, run: Run) -> None:
    opened = asyncio.Event()

    async def gated() -> AsyncIterator[int]:
        await opened.wait()
        yield 1
        await asyncio.sleep(3600)

    async def main() -> None:
        server = await aio.serve(address, {"gated": gated})
        calc = await asyncio.to_thread(ipc.connect, address)
        stream = await asyncio.to_thread(calc.gated)
        first = asyncio.ensure_future(stream.__anext__())
        await asyncio.sleep(0)
        with pytest.raises(ipc.IpcError, match="another task waits"):
            await stream.__anext__()
        first.cancel()
        second = asyncio.ensure_future(stream.__anext__())
        await asyncio.sleep(0)
        opened.set()
        assert await second == 1
        third = asyncio.ensure_future(stream.__anext__())
        await asyncio.sleep(0)
        stream.close()
        with pytest.raises(StopAsyncIteration):
            await third
        await asyncio.to_thread(ipc.close, calc)
        await server.close()

    run(main())
