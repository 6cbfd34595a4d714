"""The blocking API for one in flight, asyncio for 64; the address picks the channel."""

import os
from typing import Any

import ipcbridge as ipc
from ipcbridge import aio

METHOD = os.environ.get("BENCH_METHOD", "upper")
MIDDLEWARE = (lambda call, next: next(call)) if os.environ.get("BENCH_MIDDLEWARE") else None


class Client:
    def __init__(self, address: str) -> None:
        self._remote = ipc.connect(address, middleware=MIDDLEWARE)
        self.call = getattr(self._remote, METHOD)
        self.status = lambda: ipc.status(self._remote)
        self.submit = ipc.submit(self._remote).upper

    def __getattr__(self, name: str) -> Any:
        """What only some works ask for."""
        own = {"stream": "numbers", "stream_async": "numbers_async"}
        return getattr(self._remote, own.get(name, name))

    def close(self) -> None:
        ipc.close(self._remote)


class AsyncClient:
    def __init__(self, remote: Any) -> None:
        self._remote = remote
        self.call = getattr(remote, METHOD)
        self.slow = getattr(remote, "slow", None)
        self.status = lambda: aio.status(remote)

    async def close(self) -> None:
        await aio.close(self._remote)


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    return AsyncClient(await aio.connect(address, middleware=MIDDLEWARE))
