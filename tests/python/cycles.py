"""Functions and objects by reference that are made, used and released, many times."""

from __future__ import annotations

import asyncio
from typing import Any

import ipcbridge as ipc
from ipcbridge import aio

AT_ONCE = 50


class Tally:
    def __init__(self) -> None:
        self.total = 0

    def add(self, number: int) -> int:
        self.total += number
        return self.total


class Service:
    """Keeps, calls and makes what is released."""

    def __init__(self) -> None:
        self._kept: Any = None

    def keep(self, function: Any) -> None:
        self._kept = function

    async def each(self, items: list[Any], function: Any) -> list[Any]:
        return [await function(item) for item in items]

    def counter(self) -> Any:
        return ipc.proxy(Tally())


def cycle(remote: Any, count: int) -> None:
    """A function for as long as its call, a retained one, and an object of the service's."""
    for number in range(count):
        assert remote.each([number], lambda value: value) == [number]
        with ipc.retain(lambda value: value) as function:
            remote.keep(function)
        with remote.counter() as counter:
            assert counter.add(number) == number


async def cycle_at_once(remote: Any, count: int) -> None:
    """The same from asyncio, many at a time."""

    async def one(number: int) -> None:
        assert await remote.each([number], lambda value: value) == [number]
        with aio.retain(lambda value: value) as function:
            await remote.keep(function)
        counter = await remote.counter()
        assert await counter.add(number) == number
        aio.release(counter)

    for first in range(0, count, AT_ONCE):
        await asyncio.gather(*map(one, range(first, min(first + AT_ONCE, count))))
