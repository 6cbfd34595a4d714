"""payload.py on asyncio, in its calls that read into memory of one's own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import sockets
from byte_frames import BYTES, JSON, FrameBuffer, answer, header, number
from envelope import decode, encode

_SMALL = 4096


async def _receive(sock: socket.socket, buffer: FrameBuffer) -> tuple[int, memoryview]:
    loop = asyncio.get_running_loop()
    while not (frame := buffer.filled(await loop.sock_recv_into(sock, buffer.room()))):
        pass
    return frame


class AsyncClient:
    def __init__(self, address: str) -> None:
        self._sock = sockets.connect(address)
        self._sock.setblocking(False)
        self._buffer = FrameBuffer()
        self._loop = asyncio.get_running_loop()

    async def count_bytes(self, data: bytes) -> int:
        return number(await self._call(BYTES, data))

    async def echo(self, value: Any) -> Any:
        return decode(bytes((await self._call(JSON, encode(value)))[1]))

    async def close(self) -> None:
        self._sock.close()

    async def _call(self, kind: int, data: bytes) -> tuple[int, memoryview]:
        first = header(kind, data)
        if len(data) <= _SMALL:
            await self._loop.sock_sendall(self._sock, first + data)
        else:
            await self._loop.sock_sendall(self._sock, first)
            await self._loop.sock_sendall(self._sock, data)
        return await _receive(self._sock, self._buffer)


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    return AsyncClient(address)


async def _serve_connection(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    buffer = FrameBuffer()
    with sock:
        try:
            while True:
                await loop.sock_sendall(sock, answer(await _receive(sock, buffer)))
        except ConnectionError:
            pass


async def _serve(address: str, ready: Callable[[str], None]) -> None:
    listener, actual = sockets.listen(address)
    listener.setblocking(False)
    loop = asyncio.get_running_loop()
    ready(actual)
    tasks = set()
    while True:
        sock, _peer = await loop.sock_accept(listener)
        task = loop.create_task(_serve_connection(sock))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


def serve(address: str, ready: Callable[[str], None]) -> None:
    asyncio.run(_serve(address, ready))
