"""websockets' asyncio server, without compression."""

import asyncio
from collections.abc import Callable

from envelope import answer
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed


async def _handle(connection: ServerConnection) -> None:
    try:
        while True:
            await connection.send(answer(await connection.recv(decode=False)), text=True)
    except ConnectionClosed:
        pass


async def _serve(ready: Callable[[str], None]) -> None:
    async with listen(_handle, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        ready(f"ws://127.0.0.1:{port}")
        await server.serve_forever()


def serve(_address: str, ready: Callable[[str], None]) -> None:
    asyncio.run(_serve(ready))
