"""Binary messages without compression, of any length: websockets' blocking client and its asyncio server."""

import asyncio
from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as open_blocking


class Client:
    def __init__(self, address: str) -> None:
        self._connection = open_blocking(address, compression=None, max_size=None)

    def count_bytes(self, data: bytes) -> int:
        self._connection.send(data)
        return int(self._connection.recv())

    def close(self) -> None:
        self._connection.close()


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)


async def _handle(connection: ServerConnection) -> None:
    try:
        while True:
            await connection.send(str(len(await connection.recv())))
    except ConnectionClosed:
        pass


async def _serve(ready: Callable[[str], None]) -> None:
    async with listen(_handle, "127.0.0.1", 0, compression=None, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        ready(f"ws://127.0.0.1:{port}")
        await server.serve_forever()


def serve(_address: str, ready: Callable[[str], None]) -> None:
    asyncio.run(_serve(ready))
