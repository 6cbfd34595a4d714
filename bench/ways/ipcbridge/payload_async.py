"""payload.py on asyncio: `async def` handlers of `aio.serve`, and asyncio's client."""

import asyncio
from collections.abc import Callable
from typing import Any

from ipcbridge_limits import LIMITS, SERVE_LIMITS

from ipcbridge import aio


class AsyncClient:
    def __init__(self, remote: Any) -> None:
        self._remote = remote
        self.count_bytes = remote.count_bytes
        self.echo = remote.echo
        self.status = lambda: aio.status(remote)

    async def close(self) -> None:
        await aio.close(self._remote)


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    return AsyncClient(await aio.connect(address, limits=LIMITS))


async def _count_bytes(data: bytes) -> int:
    return len(data)


async def _echo(value: Any) -> Any:
    return value


async def _serve(address: str, ready: Callable[[], None]) -> None:
    server = await aio.serve(address, {"count_bytes": _count_bytes, "echo": _echo}, limits=SERVE_LIMITS)
    ready()
    await server.wait()


def serve(address: str, ready: Callable[[], None]) -> None:
    asyncio.run(_serve(address, ready))
