"""Many streams and callbacks that are open together; many.mjs does the same in Node.js."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any


class Many:
    def __init__(self) -> None:
        self._streams: list[Any] = []
        self._calls: list[asyncio.Future[Any]] = []
        self._begun = asyncio.Semaphore(0)
        self._cancelled = asyncio.Semaphore(0)

    async def _callback(self, _value: Any) -> None:
        self._begun.release()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self._cancelled.release()
            raise

    async def open(self, remote: Any, count: int) -> None:
        """One item is read of each stream, and each callback is called and does not return."""
        for _ in range(count):
            self._streams.append(await remote.numbers(10**9))
            await self._streams[-1].__anext__()
        self._calls = [asyncio.ensure_future(remote.each([1], self._callback)) for _ in range(count)]
        for _ in range(count):
            await self._begun.acquire()

    async def lose(self) -> Any:
        """How they have ended, once the other side has gone and each callback has heard of it."""
        ends = await asyncio.gather(*map(_to_the_end, self._streams), *self._calls, return_exceptions=True)
        codes = Counter(f"{end.code}, sent {end.sent}" if end is not None else "none" for end in ends)
        for _ in self._calls:
            await self._cancelled.acquire()
        return codes


async def _to_the_end(stream: Any) -> None:
    async for _ in stream:
        pass
