"""The client of payload.py on websockets' asyncio client."""

from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_async


class AsyncClient:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def count_bytes(self, data: bytes) -> int:
        await self._connection.send(data)
        return int(await self._connection.recv())

    async def close(self) -> None:
        await self._connection.close()


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    return AsyncClient(await open_async(address, compression=None, max_size=None))
