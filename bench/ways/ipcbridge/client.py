"""The blocking API for one in flight, asyncio for 64; the address picks the channel."""

from typing import Any

import ipcbridge as ipc
from ipcbridge import aio


class Client:
    def __init__(self, address: str) -> None:
        self._remote = ipc.connect(address)
        self.call = self._remote.upper
        self.status = lambda: ipc.status(self._remote)
        self.call_back = self._remote.call_back
        self.stream = self._remote.numbers
        self.stream_async = self._remote.numbers_async
        self.submit = ipc.submit(self._remote).upper

    def close(self) -> None:
        ipc.close(self._remote)


class AsyncClient:
    def __init__(self, remote: Any) -> None:
        self._remote = remote
        self.call = remote.upper
        self.slow = getattr(remote, "slow", None)
        self.status = lambda: aio.status(remote)

    async def close(self) -> None:
        await aio.close(self._remote)


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    return AsyncClient(await aio.connect(address))
