"""Length-prefixed JSON on an asyncio Protocol, an `async def` handler in a task a request."""

import asyncio
from collections.abc import Callable
from typing import Any

from envelope import decode, encode
from frames import FrameReader, frame
from sockets import listen
from values_async import ASYNC_HANDLERS


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._reader = FrameReader()
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._replies: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for payload in self._reader.push(data):
            task = self._loop.create_task(self._answer(payload))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, payload: bytes) -> None:
        call_id, method, args = decode(payload)
        reply = frame(encode([call_id, await ASYNC_HANDLERS[method](*args)]))
        self._replies.append(reply)
        if len(self._replies) == 1:
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        replies, self._replies = self._replies, []
        self._transport.write(b"".join(replies))


async def _serve(address: str, ready: Callable[[str], None]) -> None:
    listener, actual = listen(address)
    loop = asyncio.get_running_loop()
    make = loop.create_unix_server if actual.startswith("unix:") else loop.create_server
    server = await make(Connection, sock=listener)
    ready(actual)
    await server.serve_forever()


def serve(address: str, ready: Callable[[str], None]) -> None:
    asyncio.run(_serve(address, ready))
