"""The timeout and the idle_timeout of a call hold for the streams of its result."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from either import Run

import ipcbridge as ipc
from ipcbridge import aio


class Items:
    def __init__(self) -> None:
        self.closed = threading.Semaphore(0)
        self.go_on = threading.Event()

    def stops_after(self, count: int) -> Iterator[int]:
        try:
            yield from range(count)
            self.go_on.wait(30)
        finally:
            self.closed.release()

    def endless(self) -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            self.closed.release()


@pytest.fixture
def items(serve_either: Any) -> Iterator[Items]:
    target = Items()
    serve_either("calc", target)
    yield target
    target.go_on.set()


def _late(error: BaseException | None) -> tuple[str, Any]:
    assert isinstance(error, ipc.DeadlineExceeded)
    return str(error), error.sent


IDLE = ("stops_after(): no item of its stream has come within the idle_timeout of 0.1 s", "maybe")
WHOLE = ("its stream has not ended within the timeout of 0.2 s", "maybe")


def test_an_item_that_does_not_come_in_time_ends_the_stream(items: Items, connect: Any) -> None:
    stream = ipc.with_options(connect("calc"), idle_timeout=0.1).stops_after(3)
    assert list(itertools.islice(stream, 3)) == [0, 1, 2]
    start = time.monotonic()
    with pytest.raises(TimeoutError) as caught:
        next(stream)
    assert 0.1 <= time.monotonic() - start < 10
    assert _late(caught.value) == IDLE
    assert list(stream) == []
    items.go_on.set()
    assert items.closed.acquire(timeout=30)


def test_a_stream_that_lasts_longer_than_the_timeout_ends(items: Items, connect: Any) -> None:
    calc = ipc.with_options(connect("calc"), timeout=0.2)
    for method, args in (("endless", ()), ("stops_after", (3,))):
        with pytest.raises(ipc.DeadlineExceeded) as caught:
            for _ in getattr(calc, method)(*args):
                pass
        assert _late(caught.value) == (f"{method}(): {WHOLE[0]}", WHOLE[1])
        if method == "stops_after":
            items.go_on.set()
        assert items.closed.acquire(timeout=30)


def test_a_stream_within_its_limits_ends_as_ever(items: Items, connect: Any) -> None:
    items.go_on.set()
    calc = ipc.with_options(connect("calc"), timeout=20, idle_timeout=20)
    assert list(calc.stops_after(1_000)) == list(range(1_000))
    assert list(ipc.submit(calc).stops_after(10).result(30)) == list(range(10))


def test_the_streams_of_futures_have_limits_too(items: Items, connect: Any) -> None:
    stream = ipc.submit(ipc.with_options(connect("calc"), idle_timeout=0.1)).stops_after(0).result(30)
    with pytest.raises(ipc.DeadlineExceeded) as caught:
        next(stream)
    assert _late(caught.value) == IDLE


def test_on_an_event_loop(items: Items, run: Run) -> None:
    async def read(items: Any) -> None:
        async for _ in items:
            await asyncio.sleep(0)

    async def main() -> None:
        async with aio.connect("calc") as calc:
            stream = await aio.with_options(calc, idle_timeout=0.1).stops_after(3)
            assert [await stream.__anext__() for _ in range(3)] == [0, 1, 2]
            with pytest.raises(ipc.DeadlineExceeded) as caught:
                await stream.__anext__()
            assert _late(caught.value) == IDLE
            assert await stream.to_list() == []
            limited = aio.with_options(calc, timeout=0.2)
            for method, args in (("endless", ()), ("stops_after", (3,))):
                with pytest.raises(ipc.DeadlineExceeded) as caught:
                    await read(getattr(limited, method)(*args))
                assert _late(caught.value) == (f"{method}(): {WHOLE[0]}", WHOLE[1])
            items.go_on.set()
            unhurried = aio.with_options(calc, timeout=20, idle_timeout=20)
            assert await (await unhurried.stops_after(1_000)).to_list() == list(range(1_000))

    run(main())


def test_on_a_thread_while_the_loop_reads(items: Items, run: Run) -> None:
    async def main() -> None:
        async with aio.connect("calc") as calc:
            whole = (f"stops_after(): {WHOLE[0]}", WHOLE[1])
            for limits, late in (({"idle_timeout": 0.1}, IDLE), ({"timeout": 0.2}, whole)):
                stream = await aio.with_options(calc, **limits).stops_after(0)
                with pytest.raises(ipc.DeadlineExceeded) as caught:
                    await asyncio.to_thread(next, stream)
                assert _late(caught.value) == late
                assert await asyncio.to_thread(list, stream) == []
            items.go_on.set()
            stream = await aio.with_options(calc, timeout=20, idle_timeout=20).stops_after(1_000)
            assert await asyncio.to_thread(list, stream) == list(range(1_000))

    run(main())


@pytest.mark.parametrize("size", [10, -1])
def test_what_is_read_as_a_file_has_limits_too(serve_either: Any, connect: Any, run: Run, size: int) -> None:
    go_on = threading.Event()

    def stops() -> Iterator[bytes]:
        yield b"some"
        go_on.wait(30)

    expected = pytest.raises(TimeoutError, match=r"no item of its stream has come within the idle_timeout of 0\.1 s")
    serve_either("files", {"stops": stops})
    stream = ipc.with_options(connect("files"), idle_timeout=0.1).stops()
    assert stream.read(2) == b"so"
    with expected:
        stream.read(2)
        stream.read(size)

    async def main() -> None:
        async with aio.connect("files") as files:
            stream = await aio.with_options(files, idle_timeout=0.1).stops()
            assert await stream.read(2) == b"so"
            with expected:
                await stream.read(2)
                await stream.read(size)

    run(main())
    go_on.set()


@pytest.mark.parametrize("leaves_by", ["its end", "an error"])
def test_the_end_of_an_async_with_block_ends_the_stream(items: Items, run: Run, leaves_by: str) -> None:
    async def main() -> None:
        async with aio.connect("calc") as calc:
            with contextlib.suppress(LookupError):
                async with await calc.endless() as stream:
                    assert await stream.__anext__() == 0
                    if leaves_by == "an error":
                        raise LookupError
            assert await asyncio.to_thread(items.closed.acquire, timeout=30)
            assert [item async for item in stream] == []
            assert aio.status(calc)["open_streams"] == 0

    run(main())


def test_idle_timeout_is_a_duration(connect: Any, serve: Any) -> None:
    serve("calc", {"f": len})
    with pytest.raises(ipc.IpcError, match="idle_timeout must not be negative"):
        ipc.with_options(connect("calc"), idle_timeout=-1)
