"""The service of the asyncio peer: `async def` where something is waited for, plain functions otherwise."""

from __future__ import annotations

import asyncio
from typing import Any

from lines import event
from service import Broken, Deeper, Service


class AsyncService(Service):
    async def add(self, a: Any, b: Any = 0) -> Any:
        return a + b

    async def fail(self) -> None:
        raise Broken("the outer message") from Deeper("the inner message")

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
