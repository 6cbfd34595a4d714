"""What the asyncio peer does with streams; streams.py and streams.mjs do the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from calls import arguments_of, clients, member_of, view_of
from lines import event
from telling import tell_error


class AsyncStreamActions:
    def __init__(self) -> None:
        self.streams: dict[str, Any] = {}
        self._went_on = asyncio.Semaphore(0)

    async def read(self, **command: Any) -> Any:
        args, _ = arguments_of(command)
        stream = [await member_of(view_of(command), command["method"])(*args)]
        if "keep" in command:
            self.streams[command["keep"]] = stream[0]
        return await self._read(stream, **command)

    async def _read(self, stream: list[Any], most: int = 0, raises: int = 0, tells: int = 0, **_: Any) -> Any:
        seen: list[int] = []
        try:
            async for item in stream.pop():  # so that nobody but the loop has it
                seen.append(item)
                if len(seen) == tells:
                    event("read")
                if len(seen) == raises:
                    raise LookupError("raised by the reader")
                if len(seen) == most:
                    break
        except (Exception, asyncio.CancelledError) as error:
            return {"count": len(seen), "sum": sum(seen), "error": tell_error(error)}
        return {"count": len(seen), "sum": sum(seen), "error": None}

    async def open(self, **command: Any) -> Any:
        args, _ = arguments_of(command)
        self.streams[command["as"]] = stream = await member_of(view_of(command), command["method"])(*args)
        return await stream.__anext__()

    async def finish(self, **command: Any) -> Any:
        return await self._read([self.streams[command["as"]]])

    async def shut(self, **command: Any) -> None:
        self.streams[command["as"]].close()

    async def sip(self, on: str, method: str, count: int, every: int, feeds: bool, **_: Any) -> int:
        following = 0
        async for number in getattr(clients[on], method)(numbers_later(count) if feeds else count):
            expected = 2 * following if feeds else following
            if number != expected:
                raise AssertionError(f"{number} came instead of {expected}")
            following += 1
            if following % every == 0:
                event("paused")
                await self._went_on.acquire()
        return following

    async def go_on(self, **_: Any) -> None:
        self._went_on.release()

    async def feed(self, count: int, **command: Any) -> Any:
        args, _ = arguments_of(command)
        result = await member_of(view_of(command), command["method"])(numbers_later(count), *args)
        return await self._read([result], **command) if command.get("reads") else result


async def numbers_later(count: int) -> AsyncIterator[int]:
    event("feeding")
    try:
        for number in range(count):
            yield number
    finally:
        event("fed")
