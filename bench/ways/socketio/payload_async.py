"""The client of payload.py: python-socketio's on asyncio."""

import asyncio
from typing import Any

import socketio


class AsyncClient:
    def __init__(self, client: socketio.AsyncClient) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()

    async def count_bytes(self, data: bytes) -> int:
        future: asyncio.Future[int] = self._loop.create_future()
        await self._client.emit("count", data, callback=future.set_result)
        return await future

    async def close(self) -> None:
        await self._client.disconnect()


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(address, transports=["websocket"])
    return AsyncClient(client)
