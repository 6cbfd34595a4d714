"""arrays.py on asyncio: `async def` handlers of `aio.serve`, and asyncio's client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import ipcbridge_arrays as arrays
from ipcbridge_limits import LIMITS, SERVE_LIMITS

from ipcbridge import aio


class AsyncClient:
    arrays = arrays

    def __init__(self, remote: Any) -> None:
        self._remote = remote
        self.count_bytes = remote.count_bytes
        self.ends = remote.ends
        self.ends_dropped = remote.ends_dropped
        self.frames = remote.frames
        self.status = lambda: aio.status(remote)

    async def close(self) -> None:
        await aio.close(self._remote)


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    return AsyncClient(await aio.connect(address, limits=LIMITS))


async def _count_bytes(data: bytes) -> int:
    return len(data)


async def _ends(array: Any) -> float:
    return arrays.ends(array)


async def _frames(count: int, size: int) -> AsyncIterator[Any]:
    for block in arrays.frames(count, size):
        yield block


async def _serve(address: str, ready: Callable[[], None]) -> None:
    service = {"count_bytes": _count_bytes, "ends": _ends, "ends_dropped": _ends, "frames": _frames}
    server = await aio.serve(address, service, limits=SERVE_LIMITS)
    ready()
    await server.wait()


def serve(address: str, ready: Callable[[], None]) -> None:
    asyncio.run(_serve(address, ready))
