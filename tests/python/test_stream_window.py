"""The window: how far what makes the items of a stream may be ahead of its reader."""

from __future__ import annotations

import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from either import Run

import ipcbridge as ipc
from ipcbridge import aio


class Made:
    """Counts the items that have been made."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.count = 0

    def numbers(self) -> Iterator[int]:
        for number in itertools.count():
            self._note(number + 1)
            yield number

    async def later(self) -> AsyncIterator[int]:
        for number in self.numbers():
            yield number

    def slabs(self, size: int) -> Iterator[bytes]:
        for _ in self.numbers():
            yield bytes(size)

    def _note(self, count: int) -> None:
        with self._changed:
            self.count = count
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.count >= count, 30), self.count


@pytest.fixture
def made() -> Made:
    return Made()


@pytest.mark.parametrize("window", [1, 4, 100])
@pytest.mark.parametrize("method", ["numbers", "later"])
def test_a_generator_is_as_far_ahead_of_its_reader_as_the_client_has_said(
    method: str, window: int, made: Made, serve_either: Any, connect: Any
) -> None:
    serve_either("calc", {"numbers": made.numbers, "later": made.later, "count": lambda: made.count})
    calc = connect("calc", limits={"stream_window_items": window})
    with getattr(calc, method)() as stream:
        made.wait_for(window)
        assert [calc.count() for _ in range(3)] == [window] * 3
        for taken in range(1, 3 * window + 20):
            assert next(stream) == taken - 1
            assert made.count <= taken + window


def test_the_window_is_in_bytes_too(made: Made, serve_either: Any, connect: Any) -> None:
    serve_either("calc", {"slabs": made.slabs, "count": lambda: made.count})
    calc = connect("calc", limits={"stream_window_bytes": 25_000})
    with calc.slabs(10_000) as stream:
        made.wait_for(3)  # the last message may exceed it
        assert [calc.count() for _ in range(3)] == [3] * 3
        for taken in range(1, 20):
            assert next(stream) == bytes(10_000)
            assert made.count <= taken + 3


def test_an_argument_is_as_far_ahead_of_the_handler_as_the_service_has_said(
    made: Made, serve_either: Any, connect: Any
) -> None:
    read = threading.Semaphore(0)

    def take(numbers: Iterator[int]) -> list[int]:
        made.wait_for(4)
        ahead = [made.count]
        for taken in range(1, 20):
            assert next(numbers) == taken - 1
            ahead.append(made.count - taken)
        read.release()
        return ahead

    serve_either("calc", {"take": take}, limits={"stream_window_items": 4})
    assert max(connect("calc").take(made.numbers())) <= 4
    assert read.acquire(timeout=30)


def test_a_large_window_lets_the_generator_go_far_ahead(made: Made, serve_either: Any, connect: Any) -> None:
    serve_either("calc", made)
    large = {"stream_window_items": 2**32 - 1, "stream_window_bytes": 2**22}
    with connect("calc", limits=large).numbers() as stream:
        made.wait_for(20_000)
        assert list(itertools.islice(stream, 40_000)) == list(range(40_000))


def test_on_an_event_loop(made: Made, serve_either: Any, run: Run) -> None:
    serve_either("calc", {"numbers": made.numbers, "count": lambda: made.count})

    async def main() -> None:
        async with aio.connect("calc", limits={"stream_window_items": 4}) as calc:
            stream = await calc.numbers()
            while await calc.count() < 4:
                pass
            assert [await calc.count() for _ in range(3)] == [4] * 3
            for taken in range(1, 40):
                assert await stream.__anext__() == taken - 1
                assert made.count <= taken + 4
            stream.close()

    run(main())


@pytest.mark.parametrize("name", ["stream_window_items", "stream_window_bytes"])
@pytest.mark.parametrize("value", [0, -1, 2**32, 1.5, True, "8"])
def test_a_window_is_a_number_from_1(name: str, value: Any) -> None:
    for function, args in ((ipc.connect, ("calc",)), (ipc.serve, ("calc", {"f": len}))):
        with pytest.raises(ipc.IpcError, match=f"limits: {name} is an integer from 1 to 4294967295, not "):
            function(*args, limits={name: value})  # type: ignore[operator]
