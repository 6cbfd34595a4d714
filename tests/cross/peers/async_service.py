"""The service of the asyncio peer: `async def` where something is waited for, plain functions otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from calls import clients
from lines import event
from service import Broken, Deeper, Service

import ipcbridge as ipc


class AsyncService(Service):
    async def add(self, a: Any, b: Any = 0) -> Any:
        return a + b

    async def fail(self) -> None:
        raise Broken("the outer message") from Deeper("the inner message")

    async def relay(self, client: str, method: str) -> list[Any]:  # type: ignore[override]
        return [self.about(), await getattr(clients[client], method)()]

    async def numbers(self, count: int) -> AsyncIterator[int]:  # type: ignore[override]
        try:
            for number in range(count):
                yield number
        finally:
            event("numbers ended")

    async def numbers_then_hold(self, count: int) -> AsyncIterator[int]:  # type: ignore[override]
        try:
            for number in range(count):
                yield number
            await self.hold()
        finally:
            event("numbers ended")

    async def total(self, numbers: AsyncIterator[int]) -> int:  # type: ignore[override]
        return sum([number async for number in numbers])

    async def fail_reading(self, numbers: AsyncIterator[int], count: int) -> None:  # type: ignore[override]
        async for number in numbers:
            if number == count - 1:
                raise Broken("the outer message")

    async def hold_reading(self, numbers: AsyncIterator[int], count: int) -> Any:  # type: ignore[override]
        async for number in numbers:
            if number == count - 1:
                return await self.hold()
        return None

    async def double(self, numbers: AsyncIterator[int]) -> AsyncIterator[int]:  # type: ignore[override]
        async for number in numbers:
            yield 2 * number

    async def each(self, items: list[Any], function: Any) -> list[Any]:  # type: ignore[override]
        return [await function(item) for item in items]

    async def each_later(self, count: int, function: Any) -> AsyncIterator[Any]:  # type: ignore[override]
        for number in range(count):
            yield await function(number)

    async def fire(self, value: Any) -> Any:
        return await self._kept(value)

    async def count_with(self, counter: Any) -> Any:
        return await counter.add(5)

    async def ask_back(self, value: Any) -> Any:
        return await ipc.context().peer.remote.answer(value)

    async def hold(self) -> str:
        event("held")
        try:
            await asyncio.sleep(3600)
        finally:
            event("released")
        return "too late"

    async def bounce(self, there: str, here: str, depth: int) -> int:
        if depth == 0:
            return 0
        if there not in self._connections:
            self._connections[there] = asyncio.ensure_future(self._connect(there))
        remote = await self._connections[there]
        return 1 + await remote.bounce(here, there, depth - 1)
