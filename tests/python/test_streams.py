"""Generators are streams as results, of every kind of server and to every kind of client."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from either import Run
from streaming import METHODS, NumbersLater, Rows, iter_of

import ipcbridge as ipc
from ipcbridge import aio


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [0, 1, 5, 20_000])
def test_items_arrive_in_order(served_rows: Rows, connect: Any, method: str, count: int) -> None:
    assert list(getattr(connect("rows"), method)(count)) == list(range(count))
    assert served_rows.closed.acquire(timeout=10)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [0, 1, 20_000])
def test_items_arrive_in_order_on_a_loop(served_rows: Rows, run: Run, method: str, count: int) -> None:
    async def main() -> None:
        remote = await aio.connect("rows")
        assert [item async for item in getattr(remote, method)(count)] == list(range(count))
        stream = await getattr(remote, method)(count)
        assert await stream.to_list() == list(range(count))

    run(main())
    assert served_rows.closed.acquire(timeout=10)


def test_over_each_transport(serve: Any, connect: Any, address: str, rows: Rows) -> None:
    serve(address, rows)
    remote = connect(address)
    assert list(remote.rows(3000)) == list(range(3000))
    assert remote.total(iter_of(3000)) == sum(range(3000))


def test_streams_stand_anywhere_in_a_result(served_rows: Rows, connect: Any) -> None:
    remote = connect("rows")
    result = remote.inside()
    assert list(result["b"][0]) == ["x", "y"]
    assert list(result["a"]) == [1, 2]
    result = remote.returned_by_a_coroutine(4)
    assert result["plain"] == [1]
    assert list(result["rows"]) == [0, 1, 2, 3]


@pytest.mark.parametrize("method", ["fails", "fails_later"])
def test_what_a_generator_raises_ends_its_stream(served_rows: Rows, connect: Any, method: str) -> None:
    seen: list[int] = []
    with pytest.raises(ipc.RemoteError, match="enough") as caught:
        collect(getattr(connect("rows"), method)(2), seen)
    assert caught.value.type == "KeyError"
    assert seen == [0, 1]


def collect(items: Iterable[Any], into: list[Any]) -> None:
    for item in items:
        into.append(item)


@pytest.mark.parametrize("method", ["cannot_be_sent", "cannot_be_sent_later"])
def test_an_item_that_cannot_be_sent_ends_its_stream(served_rows: Rows, connect: Any, method: str) -> None:
    stream = getattr(connect("rows"), method)()
    assert next(stream) == 1
    with pytest.raises(ipc.RemoteError, match=r"item\.inner\[0\] cannot be sent") as caught:
        next(stream)
    assert caught.value.code == "internal"
    assert served_rows.closed.acquire(timeout=10)
    assert not served_rows.closed.acquire(blocking=False)
    assert list(stream) == []


def test_an_asynchronous_iterator_that_is_told_to_be_a_stream(served_rows: Rows, connect: Any, run: Run) -> None:
    assert list(connect("rows").iterated_later(5000)) == list(range(5000))

    async def main() -> None:
        async with aio.connect("rows") as rows:
            assert await rows.total(ipc.stream(NumbersLater(5000))) == sum(range(5000))
            assert await rows.total_later(ipc.stream(NumbersLater(5000))) == sum(range(5000))

    run(main())


@pytest.fixture
def file() -> Iterator[Any]:
    with open(__file__) as opened:
        yield opened


@pytest.mark.parametrize("kind", ["map", "zip", "file"])
def test_other_iterators_are_refused_as_results_with_advice(
    serve_either: Any, connect: Any, file: Any, kind: str
) -> None:
    def make() -> Any:
        return {"map": map(str, [1]), "zip": zip([1], [2]), "file": file}[kind]

    told: list[BaseException] = []
    serve_either("calc", {"make": make, "make_awaited": awaited(make)}, on_error=lambda error, _: told.append(error))
    for method in ("make", "make_awaited"):
        with pytest.raises(ipc.RemoteError, match=r"cannot be sent: .*ipc\.stream\(value\)") as caught:
            getattr(connect("calc"), method)()
        assert caught.value.code == "internal"
    assert len(told) == 2


def awaited(make: Callable[[], Any]) -> Callable[[], Any]:
    async def handler() -> Any:
        return make()

    return handler


def test_items_have_left_when_their_generator_waits(served_rows: Rows, connect: Any) -> None:
    stream = connect("rows").until_it_waits()
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    stream.close()


def test_a_call_returns_whatever_else_arrives_though_its_stream_sends_nothing(served_rows: Rows, connect: Any) -> None:
    remote = connect("rows")
    numbers = remote.endless()
    has_begun, is_enough = threading.Event(), threading.Event()

    def read() -> None:
        for _ in numbers:
            has_begun.set()
            if is_enough.is_set():
                return

    reader = threading.Thread(target=read)
    reader.start()
    assert has_begun.wait(20)
    for _ in range(20):
        remote.silent().close()
    is_enough.set()
    reader.join(20)
    assert not reader.is_alive()
    numbers.close()


def test_items_before_one_that_is_too_long_arrive(served_rows: Rows, connect: Any) -> None:
    stream = connect("rows", limits={"max_message_bytes": 100_000}).grows_too_long()
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(ipc.RemoteError, match=r"200005 bytes|200.* bytes and the peer accepts 100000"):
        next(stream)


@pytest.mark.parametrize("method", METHODS)
def test_a_producer_is_no_further_ahead_than_the_window(served_rows: Rows, connect: Any, method: str) -> None:
    stream = getattr(connect("rows"), method)(10**9)
    assert next(stream) == 0
    before = -1
    while served_rows.made != before:  # until it waits
        before = served_rows.made
        time.sleep(0.05)
    assert served_rows.made < 20_000
    for _ in range(10_000):
        next(stream)
    assert next(stream) == 10_001
    stream.close()


def test_consumers_that_do_not_read_keep_no_threads(serve_either: Any, connect: Any, rows: Rows) -> None:
    serve_either("rows", rows, threads=2)
    remote = connect("rows")
    idle = [remote.rows(10**9) for _ in range(20)]
    assert [next(stream) for stream in idle] == [0] * 20
    assert remote.echo(1) == 1
    for stream in idle:
        stream.close()
    for _ in idle:
        assert rows.closed.acquire(timeout=10)


def test_the_context_of_a_call_is_its_generators(served_rows: Rows, connect: Any) -> None:
    assert list(connect("rows").where()) == ["where"]


def test_too_many_streams_are_refused(serve_either: Any, connect: Any, rows: Rows) -> None:
    serve_either("rows", rows)
    remote = connect("rows")
    streams = [remote.rows(10**9) for _ in range(1024)]
    with pytest.raises(ipc.IpcError, match="too many open streams") as caught:
        remote.rows(1)
    assert caught.value.code == "resource_exhausted"
    streams.pop().close()
    while True:
        try:
            assert list(remote.rows(2)) == [0, 1]
            break
        except ipc.IpcError:  # the other side has not heard of it yet
            pass
    for stream in streams:
        stream.close()


def test_one_consumer(served_rows: Rows, run: Run) -> None:
    async def main() -> None:
        remote = await aio.connect("rows")
        stream = await remote.silent()
        first = asyncio.ensure_future(stream.__anext__())
        await asyncio.sleep(0)
        with pytest.raises(ipc.IpcError, match="another task waits") as caught:
            await stream.__anext__()
        assert caught.value.code == "failed_precondition"
        stream.close()
        with pytest.raises(StopAsyncIteration):
            await first

    run(main())


def test_a_reader_that_is_cancelled_as_an_item_comes_loses_none(served_rows: Rows, run: Run) -> None:
    count = 3000

    async def main() -> None:
        remote = await aio.connect("rows")
        stream = await remote.later(count)
        seen: list[int] = []
        for turns in itertools.cycle(range(4)):
            try:
                reader = asyncio.ensure_future(stream.__anext__())
                for _ in range(turns):
                    await asyncio.sleep(0)
                reader.cancel()
                seen.append(await reader)
            except asyncio.CancelledError:
                continue
            except StopAsyncIteration:
                break
        assert seen == list(range(count))

    run(main())


def test_streams_that_cannot_begin_end_all_the_same(serve: Any, connect: Any) -> None:
    broken = ipc.stream([1])
    del broken.iterator  # what begins it raises

    serve("odd", {"both": lambda: [broken, iter_of(1)]}, on_error=lambda _error, _method: None)
    streams = connect("odd").both()
    for stream in streams:
        with pytest.raises(ipc.IpcError, match="could not begin") as caught:
            next(stream)
        assert caught.value.code == "internal"
