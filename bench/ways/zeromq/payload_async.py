"""The client of payload.py on zmq.asyncio."""

from typing import Any

import zmq
import zmq.asyncio


class AsyncClient:
    def __init__(self, address: str) -> None:
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.connect(address)

    async def count_bytes(self, data: bytes) -> int:
        await self._socket.send(data, copy=False)
        return int(await self._socket.recv())

    async def close(self) -> None:
        self._context.destroy(linger=0)


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    return AsyncClient(address)
