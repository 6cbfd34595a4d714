"""What the tests of streams serve."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import ipcbridge as ipc


class NumbersLater:
    """An asynchronous iterator that is no generator."""

    def __init__(self, count: int) -> None:
        self._numbers = iter(range(count))

    def __aiter__(self) -> NumbersLater:
        return self

    async def __anext__(self) -> int:
        for number in self._numbers:
            if number % 3 == 0:
                await asyncio.sleep(0)
            return number
        raise StopAsyncIteration


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

    async def cannot_be_sent_later(self) -> AsyncIterator[Any]:
        try:
            yield 1
            yield {"inner": [object()]}
        finally:
            self.closed.release()

    def iterated_later(self, count: int) -> Any:
        return ipc.stream(NumbersLater(count))

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


METHODS = ["rows", "later"]


def iter_of(count: int) -> Iterator[int]:
    yield from range(count)
