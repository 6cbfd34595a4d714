"""websockets without compression: its blocking client for one in flight, its asyncio client for 64."""

import asyncio
from typing import Any

from envelope import decode, encode
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_async
from websockets.sync.client import connect as open_blocking


class Client:
    def __init__(self, address: str) -> None:
        self._connection = open_blocking(address, compression=None)
        self._next = 0

    def call(self, text: str) -> str:
        self._next += 1
        self._connection.send(encode([self._next, "upper", [text]]), text=True)
        return decode(self._connection.recv(decode=False))[1]

    def close(self) -> None:
        self._connection.close()


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
        while True:
            call_id, result = decode(await self._connection.recv(decode=False))
            self._pending.pop(call_id).set_result(result)


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    return AsyncClient(await open_async(address, compression=None))
