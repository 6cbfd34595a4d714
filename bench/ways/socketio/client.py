"""python-socketio's asyncio client on the websocket transport; events with acknowledgements."""

import asyncio
from typing import Any

import socketio


class AsyncClient:
    def __init__(self, client: socketio.AsyncClient) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()

    async def call(self, text: str) -> str:
        # emit with a callback is what AsyncClient.call does, less its timer
        future: asyncio.Future[str] = self._loop.create_future()
        await self._client.emit("upper", text, callback=future.set_result)
        return await future

    async def close(self) -> None:
        await self._client.disconnect()


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(address, transports=["websocket"])
    return AsyncClient(client)
