"""Generators are streams: as results and as arguments, to and from every kind of server and client."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import pytest
from children import Children
from either import Run

import ipcbridge as ipc
from ipcbridge import aio


class Rows:
    """What a test's service does, and what its generators have noticed."""

    def __init__(self) -> None:
        self.closed = threading.Semaphore(0)
        self.made = 0

    def _note(self, items: Iterable[Any]) -> Iterator[Any]:
        try:
            for item in items:
                self.made += 1
                yield item
        finally:
            self.closed.release()

    def rows(self, count: int) -> Iterator[int]:
        return self._note(range(count))

    async def later(self, count: int) -> AsyncIterator[int]:
        try:
            for item in range(count):
                self.made += 1
                yield item
                if item % 3 == 0:
                    await asyncio.sleep(0)
        finally:
            self.closed.release()

    async def returned_by_a_coroutine(self, count: int) -> Any:
        await asyncio.sleep(0)
        return {"rows": self.later(count), "plain": [1]}

    def inside(self) -> Any:
        return {"a": ipc.stream([1, 2]), "b": [ipc.stream("xy")]}

    def fails(self, count: int) -> Iterator[int]:
        yield from range(count)
        raise KeyError("enough")

    async def fails_later(self, count: int) -> AsyncIterator[int]:
        for item in range(count):
            yield item
        raise KeyError("enough")

    def cannot_be_sent(self) -> Iterator[Any]:
        return self._note([1, {"inner": [object()]}])

    def endless(self) -> Iterator[int]:
        return self._note(itertools.count())

    async def until_it_waits(self) -> AsyncIterator[int]:
        for item in range(3):
            yield item
        await asyncio.sleep(3600)

    async def grows_too_long(self) -> AsyncIterator[Any]:
        yield 1
        yield 2
        yield bytes(200_000)

    def total(self, numbers: Iterable[int]) -> int:
        return sum(numbers)

    async def total_later(self, numbers: AsyncIterator[int]) -> int:
        return sum([number async for number in numbers])

    def first(self, numbers: Iterable[int]) -> int:
        return next(iter(numbers))

    def ignore(self, numbers: Iterable[int]) -> str:
        return "ignored"

    def double(self, numbers: Iterable[int]) -> Iterator[int]:
        return (2 * number for number in numbers)

    def echo(self, value: Any) -> Any:
        return value

    async def silent(self) -> AsyncIterator[int]:
        await asyncio.sleep(3600)
        yield 1

    def where(self) -> Iterator[str]:
        yield ipc.context().method


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def service(rows: Rows, serve_either: Any) -> Rows:
    serve_either("rows", rows)
    return rows


METHODS = ["rows", "later"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [0, 1, 5, 20_000])
def test_items_arrive_in_order(service: Rows, connect: Any, method: str, count: int) -> None:
    assert list(getattr(connect("rows"), method)(count)) == list(range(count))
    assert service.closed.acquire(timeout=10)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [0, 1, 20_000])
def test_items_arrive_in_order_on_a_loop(service: Rows, run: Run, method: str, count: int) -> None:
    async def main() -> None:
        remote = await aio.connect("rows")
        assert [item async for item in getattr(remote, method)(count)] == list(range(count))
        stream = await getattr(remote, method)(count)
        assert await stream.to_list() == list(range(count))

    run(main())
    assert service.closed.acquire(timeout=10)


def test_over_each_transport(serve: Any, connect: Any, address: str, rows: Rows) -> None:
    serve(address, rows)
    remote = connect(address)
    assert list(remote.rows(3000)) == list(range(3000))
    assert remote.total(iter_of(3000)) == sum(range(3000))


def iter_of(count: int) -> Iterator[int]:
    yield from range(count)


def test_streams_stand_anywhere_in_a_result(service: Rows, connect: Any) -> None:
    remote = connect("rows")
    result = remote.inside()
    assert list(result["b"][0]) == ["x", "y"]
    assert list(result["a"]) == [1, 2]
    result = remote.returned_by_a_coroutine(4)
    assert result["plain"] == [1]
    assert list(result["rows"]) == [0, 1, 2, 3]


@pytest.mark.parametrize("method", ["fails", "fails_later"])
def test_what_a_generator_raises_ends_its_stream(service: Rows, connect: Any, method: str) -> None:
    seen: list[int] = []
    with pytest.raises(ipc.RemoteError, match="enough") as caught:
        collect(getattr(connect("rows"), method)(2), seen)
    assert caught.value.type == "KeyError"
    assert seen == [0, 1]


def collect(items: Iterable[Any], into: list[Any]) -> None:
    for item in items:
        into.append(item)


def test_an_item_that_cannot_be_sent_ends_its_stream(service: Rows, connect: Any) -> None:
    stream = connect("rows").cannot_be_sent()
    assert next(stream) == 1
    with pytest.raises(ipc.RemoteError, match=r"item\.inner\[0\] cannot be sent") as caught:
        next(stream)
    assert caught.value.code == "internal"
    assert service.closed.acquire(timeout=10)
    assert list(stream) == []


def test_items_have_left_when_their_generator_waits(service: Rows, connect: Any) -> None:
    stream = connect("rows").until_it_waits()
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    stream.close()


def test_a_call_returns_whatever_else_arrives_though_its_stream_sends_nothing(service: Rows, connect: Any) -> None:
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


def test_items_before_one_that_is_too_long_arrive(service: Rows, connect: Any) -> None:
    stream = connect("rows", limits={"max_message_bytes": 100_000}).grows_too_long()
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(ipc.RemoteError, match=r"200005 bytes|200.* bytes and the peer accepts 100000"):
        next(stream)


@pytest.mark.parametrize("method", METHODS)
def test_leaving_a_loop_early_ends_the_producer(service: Rows, connect: Any, method: str) -> None:
    for item in getattr(connect("rows"), method)(10**9):
        if item == 3:
            break
    assert service.closed.acquire(timeout=10)


@pytest.mark.parametrize("method", METHODS)
def test_leaving_a_loop_early_ends_the_producer_on_a_loop(service: Rows, run: Run, method: str) -> None:
    async def main() -> None:
        async for item in getattr(await aio.connect("rows"), method)(10**9):
            if item == 3:
                break
        await asyncio.to_thread(service.closed.acquire)

    run(main())


@pytest.mark.parametrize("method", METHODS)
def test_an_exception_in_the_loop_ends_the_producer(service: Rows, connect: Any, method: str) -> None:
    remote = connect("rows")
    with contextlib.suppress(LookupError):
        for _ in getattr(remote, method)(10**9):
            raise LookupError("mine")
    assert service.closed.acquire(timeout=10)
    assert remote.echo(1) == 1
    assert not service.closed.acquire(blocking=False)


@pytest.mark.parametrize("method", METHODS)
def test_an_exception_in_the_loop_ends_the_producer_on_a_loop(service: Rows, run: Run, method: str) -> None:
    async def main() -> None:
        remote = await aio.connect("rows")
        with contextlib.suppress(LookupError):
            async for _ in getattr(remote, method)(10**9):
                raise LookupError("mine")
        assert await asyncio.to_thread(service.closed.acquire, timeout=10)
        assert await remote.echo(1) == 1
        assert not service.closed.acquire(blocking=False)

    run(main())


@pytest.mark.parametrize("method", METHODS)
def test_close_ends_the_producer(service: Rows, connect: Any, method: str) -> None:
    with getattr(connect("rows"), method)(10**9) as stream:
        assert next(stream) == 0
    assert service.closed.acquire(timeout=10)
    assert list(stream) == []


def test_a_stream_that_nobody_has_ends_its_producer(service: Rows, connect: Any) -> None:
    stream = connect("rows").rows(10**9)
    next(stream)
    del stream
    gc.collect()
    assert service.closed.acquire(timeout=10)


@pytest.mark.parametrize("method", METHODS)
def test_a_producer_is_no_further_ahead_than_the_window(service: Rows, connect: Any, method: str) -> None:
    stream = getattr(connect("rows"), method)(10**9)
    assert next(stream) == 0
    before = -1
    while service.made != before:  # until it waits
        before = service.made
        time.sleep(0.05)
    assert service.made < 20_000
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


def test_the_context_of_a_call_is_its_generators(service: Rows, connect: Any) -> None:
    assert list(connect("rows").where()) == ["where"]


# ---- arguments ----


@pytest.mark.parametrize("method", ["total", "total_later"])
@pytest.mark.parametrize("count", [0, 5, 20_000])
def test_a_generator_as_an_argument(service: Rows, connect: Any, method: str, count: int) -> None:
    assert getattr(connect("rows"), method)(iter_of(count)) == sum(range(count))


@pytest.mark.parametrize("method", ["total", "total_later"])
def test_generators_as_arguments_on_a_loop(service: Rows, run: Run, method: str) -> None:
    async def later() -> AsyncIterator[int]:
        for item in range(5000):
            yield item

    async def main() -> None:
        remote = await aio.connect("rows")
        assert await getattr(remote, method)(iter_of(5000)) == sum(range(5000))
        assert await getattr(remote, method)(later()) == sum(range(5000))

    run(main())


def test_both_at_once(service: Rows, connect: Any, run: Run) -> None:
    assert list(connect("rows").double(iter_of(20_000))) == [2 * item for item in range(20_000)]

    async def main() -> None:
        remote = await aio.connect("rows")
        assert [item async for item in remote.double(iter_of(20_000))] == [2 * item for item in range(20_000)]

    run(main())


@pytest.mark.parametrize("method", ["first", "ignore"])
def test_an_argument_ends_with_its_call(service: Rows, connect: Any, method: str) -> None:
    mine = Rows()
    assert getattr(connect("rows"), method)(mine.rows(10**9)) in (0, "ignored")
    assert mine.closed.acquire(timeout=10) or mine.made == 0


def test_a_generator_runs_on_the_thread_that_calls(service: Rows, connect: Any) -> None:
    threads = set()

    def items() -> Iterator[int]:
        for item in range(20_000):
            threads.add(threading.get_ident())
            yield item

    assert connect("rows").total(items()) == sum(range(20_000))
    assert threads == {threading.get_ident()}


def test_what_an_argument_raises_reaches_the_handler(service: Rows, connect: Any) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("mine")

    with pytest.raises(ipc.RemoteError, match="mine") as caught:
        connect("rows").total(items())
    assert caught.value.type == "LookupError"


def test_an_item_of_an_argument_that_cannot_be_sent_ends_it_with_its_path(service: Rows, connect: Any) -> None:
    mine = Rows()
    remote = connect("rows")
    with pytest.raises(ipc.RemoteError, match=r"item\.inner\[0\] cannot be sent"):
        remote.total(mine.cannot_be_sent())
    assert mine.closed.acquire(timeout=10)
    assert not mine.closed.acquire(blocking=False)
    assert remote.total(iter_of(3)) == 3


@pytest.mark.parametrize("method", ["total", "total_later"])
def test_an_item_of_an_argument_that_cannot_be_sent_on_a_loop(service: Rows, run: Run, method: str) -> None:
    mine = Rows()

    async def later() -> AsyncIterator[Any]:
        try:
            yield 1
            yield {"inner": [object()]}
        finally:
            mine.closed.release()

    async def main() -> None:
        remote = await aio.connect("rows")
        for numbers in (mine.cannot_be_sent(), later()):
            with pytest.raises(ipc.RemoteError, match=r"item\.inner\[0\] cannot be sent"):
                await getattr(remote, method)(numbers)
            assert await asyncio.to_thread(mine.closed.acquire, timeout=10)
            assert not mine.closed.acquire(blocking=False)
        assert await getattr(remote, method)(iter_of(3)) == 3

    run(main())


def test_a_received_stream_can_be_passed_on(service: Rows, connect: Any) -> None:
    remote = connect("rows")
    assert list(remote.echo(iter_of(3))) == [0, 1, 2]
    assert remote.total(remote.rows(4)) == 6


def test_an_asynchronous_generator_is_refused_by_a_blocking_call(service: Rows, connect: Any) -> None:
    async def later() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(ipc.IpcError, match="aio") as caught:
        connect("rows").total(later())
    assert caught.value.code == "invalid_argument"


def test_a_stream_is_sent_once(service: Rows, connect: Any) -> None:
    rows = connect("rows")
    for numbers in (ipc.stream([1, 2]), (number for number in (1, 2))):
        assert rows.total(numbers) == 3
        with pytest.raises(
            ipc.IpcError, match=r"args\[0\] cannot be sent: a stream that has been read, or sent"
        ) as caught:
            rows.total(numbers)
        assert caught.value.code == "invalid_argument"


def test_the_same_stream_twice_is_refused(service: Rows, connect: Any) -> None:
    numbers = iter_of(3)
    with pytest.raises(ipc.IpcError, match=r"args\[1\] cannot be sent: the same stream twice"):
        connect("rows").echo(numbers, numbers)


@pytest.mark.parametrize("value", [map(str, []), zip([1], [2]), iter([1])], ids=["map", "zip", "an iterator"])
def test_other_iterators_are_refused_with_advice(service: Rows, connect: Any, value: Any) -> None:
    with pytest.raises(ipc.IpcError, match=r"ipc\.stream\(value\)"):
        connect("rows").echo(value)
    assert list(connect("rows").echo(ipc.stream(value))) is not None


def test_streams_do_not_travel_in_metadata_or_in_streams(service: Rows, connect: Any) -> None:
    remote = connect("rows")
    with pytest.raises(ipc.IpcError, match="stream"):
        ipc.with_options(remote, metadata={"x": iter_of(1)}).echo(1)
    with pytest.raises(ipc.RemoteError, match="stream"):
        remote.total(iter_of(1) for _ in range(1))


def test_neither_repeated_nor_notified(service: Rows, connect: Any) -> None:
    remote = connect("rows")
    for refused in (ipc.notify(remote), ipc.with_options(remote, idempotent=True)):
        with pytest.raises(ipc.IpcError, match="once") as caught:
            refused.total(iter_of(1))
        assert caught.value.code == "invalid_argument"


# ---- when somebody goes ----


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


def test_a_client_that_leaves_ends_its_producers(service: Rows) -> None:
    remote = ipc.connect("rows")
    streams = [remote.rows(10**9) for _ in range(100)]
    for stream in streams:
        next(stream)
    ipc.close(remote)
    for _ in streams:
        assert service.closed.acquire(timeout=10)


def test_a_server_that_closes_ends_its_producers(serve_either: Any, connect: Any, rows: Rows) -> None:
    server = serve_either("rows", rows)
    stream = connect("rows").rows(10**9)
    next(stream)
    server.close(grace=0)
    assert rows.closed.acquire(timeout=10)
    with pytest.raises(ipc.Unavailable):
        for _ in stream:
            pass


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


def test_one_consumer(service: Rows, run: Run) -> None:
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


def test_a_reader_that_is_cancelled_as_an_item_comes_loses_none(service: Rows, run: Run) -> None:
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


def test_ctrl_c_in_a_generator_that_is_sent_ends_the_call(children: Children) -> None:
    service = children.serve("calc", "service['total'] = lambda numbers: sum(numbers)")
    child = children.run("""
        def numbers():
            try:
                say('begun')
                while True:
                    time.sleep(0.01)
                    yield 1
            finally:
                say('closed')
        with ipc.connect('calc') as calc:
            try:
                calc.total(numbers())
            except KeyboardInterrupt:
                say('interrupted')
            say(calc.total(number for number in (1, 2)))
        """)
    child.expect("begun")
    child.interrupt()
    child.expect("closed")
    child.expect("interrupted")
    child.expect("3")
    assert service.poll() is None
