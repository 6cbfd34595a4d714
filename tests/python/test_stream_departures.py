"""What makes the items of a stream ends when the reader leaves it, or either side goes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import Any

import pytest
from children import Children
from either import Run
from streaming import METHODS, Rows

import ipcbridge as ipc
from ipcbridge import aio


@pytest.mark.parametrize("method", METHODS)
def test_leaving_a_loop_early_ends_the_producer(served_rows: Rows, connect: Any, method: str) -> None:
    for item in getattr(connect("rows"), method)(10**9):
        if item == 3:
            break
    assert served_rows.closed.acquire(timeout=10)


@pytest.mark.parametrize("method", METHODS)
def test_leaving_a_loop_early_ends_the_producer_on_a_loop(served_rows: Rows, run: Run, method: str) -> None:
    async def main() -> None:
        async for item in getattr(await aio.connect("rows"), method)(10**9):
            if item == 3:
                break
        await asyncio.to_thread(served_rows.closed.acquire)

    run(main())


@pytest.mark.parametrize("method", METHODS)
def test_an_exception_in_the_loop_ends_the_producer(served_rows: Rows, connect: Any, method: str) -> None:
    remote = connect("rows")
    with contextlib.suppress(LookupError):
        for _ in getattr(remote, method)(10**9):
            raise LookupError("mine")
    assert served_rows.closed.acquire(timeout=10)
    assert remote.echo(1) == 1
    assert not served_rows.closed.acquire(blocking=False)


@pytest.mark.parametrize("method", METHODS)
def test_an_exception_in_the_loop_ends_the_producer_on_a_loop(served_rows: Rows, run: Run, method: str) -> None:
    async def main() -> None:
        remote = await aio.connect("rows")
        with contextlib.suppress(LookupError):
            async for _ in getattr(remote, method)(10**9):
                raise LookupError("mine")
        assert await asyncio.to_thread(served_rows.closed.acquire, timeout=10)
        assert await remote.echo(1) == 1
        assert not served_rows.closed.acquire(blocking=False)

    run(main())


@pytest.mark.parametrize("method", METHODS)
def test_close_ends_the_producer(served_rows: Rows, connect: Any, method: str) -> None:
    with getattr(connect("rows"), method)(10**9) as stream:
        assert next(stream) == 0
    assert served_rows.closed.acquire(timeout=10)
    assert list(stream) == []


def test_a_stream_that_nobody_has_ends_its_producer(served_rows: Rows, connect: Any) -> None:
    stream = connect("rows").rows(10**9)
    next(stream)
    del stream
    gc.collect()
    assert served_rows.closed.acquire(timeout=10)


def test_a_server_that_is_killed_ends_its_streams(children: Children, connect: Any) -> None:
    server = children.serve("rows", "def count(n): yield from range(n)\nservice['count'] = count")
    stream = connect("rows").count(10**9)
    assert next(stream) == 0
    server.kill()
    with pytest.raises(ipc.Unavailable, match=r"^count\(\): its stream broke off: ") as caught:
        for _ in stream:
            pass
    assert caught.value.sent == "maybe"


def test_a_stream_on_a_loop_that_breaks_off_names_its_method(children: Children) -> None:
    server = children.serve("rows", "def count(n): yield from range(n)\nservice['count'] = count")

    async def main() -> None:
        async with aio.connect("rows") as rows:
            stream = await rows.count(10**9)
            server.kill()
            with pytest.raises(ipc.Unavailable, match=r"^count\(\): its stream broke off: "):
                async for _ in stream:
                    pass

    asyncio.run(main())


def test_a_client_that_leaves_ends_its_producers(served_rows: Rows) -> None:
    remote = ipc.connect("rows")
    streams = [remote.rows(10**9) for _ in range(100)]
    for stream in streams:
        next(stream)
    ipc.close(remote)
    for _ in streams:
        assert served_rows.closed.acquire(timeout=10)


def test_a_server_that_closes_ends_its_producers(serve_either: Any, connect: Any, rows: Rows) -> None:
    server = serve_either("rows", rows)
    stream = connect("rows").rows(10**9)
    next(stream)
    server.close(grace=0)
    assert rows.closed.acquire(timeout=10)
    with pytest.raises(ipc.Unavailable):
        for _ in stream:
            pass
