"""Many services as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from .._references.peers import FanOut, Outcome


class AsyncFanOut(FanOut):
    """What a method gives is to be awaited."""

    async def _call(self, find: Callable[[Any], Any], args: Any, kwargs: Any) -> list[Outcome]:
        async def call(peer: Any) -> Outcome:
            try:
                return Outcome(peer, await find(peer)(*args, **kwargs))
            except Exception as error:  # also what is registered by register_error()
                return Outcome(peer, error=error)

        return await asyncio.gather(*map(call, self._peers))


def fan_out(peers: Iterable[Any]) -> AsyncFanOut:
    """ipcbridge.fan_out() of services of this loop: `await aio.fan_out(server.peers).reload()`."""
    return AsyncFanOut(peers)
