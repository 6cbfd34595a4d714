"""websockets' asyncio client, without compression; its blocking client has a thread hop in each receive and is slower."""

import asyncio
from typing import Any

from envelope import decode, encode
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_connection


class AsyncClient:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._pending: dict[int, asyncio.Future[str]] = {}
        self._next = 0
        self._loop = asyncio.get_running_loop()
        self._reader = self._loop.create_task(self._read())

    async def call(self, text: str) -> str:
        self._next += 1
        future = self._pending[self._next] = self._loop.create_future()
        await self._connection.send(encode([self._next, "upper", [text]]), text=True)
        return await future

    async def close(self) -> None:
        self._reader.cancel()
        await self._connection.close()

    async def _read(self) -> None:
        async for message in self._connection:
            call_id, result = decode(message.encode())
            self._pending.pop(call_id).set_result(result)


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    return AsyncClient(await open_connection(address, compression=None))
