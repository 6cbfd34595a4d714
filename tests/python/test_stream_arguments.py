"""Generators are streams as arguments, to every kind of server and from every kind of client."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from children import Children
from either import Run
from streaming import Rows, iter_of

import ipcbridge as ipc
from ipcbridge import aio


@pytest.mark.parametrize("method", ["total", "total_later"])
@pytest.mark.parametrize("count", [0, 5, 20_000])
def test_a_generator_as_an_argument(served_rows: Rows, connect: Any, method: str, count: int) -> None:
    assert getattr(connect("rows"), method)(iter_of(count)) == sum(range(count))


@pytest.mark.parametrize("method", ["total", "total_later"])
def test_generators_as_arguments_on_a_loop(served_rows: Rows, run: Run, method: str) -> None:
    async def later() -> AsyncIterator[int]:
        for item in range(5000):
            yield item

    async def main() -> None:
        remote = await aio.connect("rows")
        assert await getattr(remote, method)(iter_of(5000)) == sum(range(5000))
        assert await getattr(remote, method)(later()) == sum(range(5000))

    run(main())


def test_both_at_once(served_rows: Rows, connect: Any, run: Run) -> None:
    assert list(connect("rows").double(iter_of(20_000))) == [2 * item for item in range(20_000)]

    async def main() -> None:
        remote = await aio.connect("rows")
        assert [item async for item in remote.double(iter_of(20_000))] == [2 * item for item in range(20_000)]

    run(main())


@pytest.mark.parametrize("method", ["first", "ignore"])
def test_an_argument_ends_with_its_call(served_rows: Rows, connect: Any, method: str) -> None:
    mine = Rows()
    assert getattr(connect("rows"), method)(mine.rows(10**9)) in (0, "ignored")
    assert mine.closed.acquire(timeout=10) or mine.made == 0


def test_a_generator_runs_on_the_thread_that_calls(served_rows: Rows, connect: Any) -> None:
    threads = set()

    def items() -> Iterator[int]:
        for item in range(20_000):
            threads.add(threading.get_ident())
            yield item

    assert connect("rows").total(items()) == sum(range(20_000))
    assert threads == {threading.get_ident()}


def test_what_an_argument_raises_reaches_the_handler(served_rows: Rows, connect: Any) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("mine")

    with pytest.raises(ipc.RemoteError, match="mine") as caught:
        connect("rows").total(items())
    assert caught.value.type == "LookupError"


def test_an_item_of_an_argument_that_cannot_be_sent_ends_it_with_its_path(served_rows: Rows, connect: Any) -> None:
    mine = Rows()
    remote = connect("rows")
    with pytest.raises(ipc.RemoteError, match=r"item\.inner\[0\] cannot be sent"):
        remote.total(mine.cannot_be_sent())
    assert mine.closed.acquire(timeout=10)
    assert not mine.closed.acquire(blocking=False)
    assert remote.total(iter_of(3)) == 3


@pytest.mark.parametrize("method", ["total", "total_later"])
def test_an_item_of_an_argument_that_cannot_be_sent_on_a_loop(served_rows: Rows, run: Run, method: str) -> None:
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


def test_a_received_stream_can_be_passed_on(served_rows: Rows, connect: Any) -> None:
    remote = connect("rows")
    assert list(remote.echo(iter_of(3))) == [0, 1, 2]
    assert remote.total(remote.rows(4)) == 6


def test_an_asynchronous_generator_is_refused_by_a_blocking_call(served_rows: Rows, connect: Any) -> None:
    async def later() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(ipc.IpcError, match="aio") as caught:
        connect("rows").total(later())
    assert caught.value.code == "invalid_argument"


def test_a_stream_is_sent_once(served_rows: Rows, connect: Any) -> None:
    rows = connect("rows")
    for numbers in (ipc.stream([1, 2]), (number for number in (1, 2))):
        assert rows.total(numbers) == 3
        with pytest.raises(
            ipc.IpcError, match=r"args\[0\] cannot be sent: a stream that has been read, or sent"
        ) as caught:
            rows.total(numbers)
        assert caught.value.code == "invalid_argument"


def test_the_same_stream_twice_is_refused(served_rows: Rows, connect: Any) -> None:
    numbers = iter_of(3)
    with pytest.raises(ipc.IpcError, match=r"args\[1\] cannot be sent: the same stream twice"):
        connect("rows").echo(numbers, numbers)


@pytest.mark.parametrize("kind", ["map", "zip", "an iterator"])
def test_other_iterators_are_refused_with_advice(served_rows: Rows, connect: Any, kind: str) -> None:
    value, length = {"map": (map(str, []), 0), "zip": (zip([1], [2]), 1), "an iterator": (iter([1, 2]), 2)}[kind]
    with pytest.raises(ipc.IpcError, match=r"ipc\.stream\(value\)"):
        connect("rows").echo(value)
    assert len(list(connect("rows").echo(ipc.stream(value)))) == length


def test_streams_do_not_travel_in_metadata_or_in_streams(served_rows: Rows, connect: Any) -> None:
    remote = connect("rows")
    with pytest.raises(ipc.IpcError, match="stream"):
        ipc.with_options(remote, metadata={"x": iter_of(1)}).echo(1)
    with pytest.raises(ipc.RemoteError, match="stream"):
        remote.total(iter_of(1) for _ in range(1))


def test_neither_repeated_nor_notified(served_rows: Rows, connect: Any) -> None:
    remote = connect("rows")
    for refused in (ipc.notify(remote), ipc.with_options(remote, idempotent=True)):
        with pytest.raises(ipc.IpcError, match="once") as caught:
            refused.total(iter_of(1))
        assert caught.value.code == "invalid_argument"


def test_more_of_them_than_may_be_open_are_refused_and_none_is_begun(served_rows: Rows, connect: Any, run: Run) -> None:
    mine = Rows()
    too_many = pytest.raises(ipc.IpcError, match="too many open streams: the peer takes 1024")
    rows = connect("rows")
    with too_many as caught:
        rows.ignore([mine.rows(3) for _ in range(1025)])
    assert caught.value.code == "resource_exhausted"
    assert mine.made == 0
    assert rows.ignore([mine.rows(3) for _ in range(1024)]) == "ignored"
    assert rows.total(iter_of(3)) == 3

    async def main() -> None:
        async with aio.connect("rows") as remote:
            with too_many as caught:
                await remote.ignore([mine.later(3) for _ in range(1025)])
            assert caught.value.code == "resource_exhausted"
            assert await remote.ignore([mine.later(3) for _ in range(1024)]) == "ignored"
            assert await remote.total(iter_of(3)) == 3

    run(main())


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
