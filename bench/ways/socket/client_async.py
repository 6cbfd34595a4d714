"""Length-prefixed JSON on an asyncio Protocol; what is sent in one turn goes out in one write."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from envelope import decode, encode
from frames import FrameReader, frame


class AsyncClient(asyncio.Protocol):
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader()
        self._pending: dict[int, asyncio.Future[str]] = {}
        self._requests: list[bytes] = []
        self._next = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        for future in self._pending.values():
            future.set_exception(ConnectionError("connection closed"))

    def data_received(self, data: bytes) -> None:
        for payload in self._reader.push(data):
            call_id, result = decode(payload)
            self._pending.pop(call_id).set_result(result)

    def call(self, text: str) -> asyncio.Future[str]:
        self._next += 1
        future = self._pending[self._next] = self._loop.create_future()
        self._requests.append(frame(encode([self._next, "upper", [text]])))
        if len(self._requests) == 1:
            self._loop.call_soon(self._flush)
        return future

    async def close(self) -> None:
        self._transport.close()

    def _flush(self) -> None:
        requests, self._requests = self._requests, []
        self._transport.write(b"".join(requests))


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    url = urlsplit(address)
    loop = asyncio.get_running_loop()
    if url.scheme == "unix":
        _transport, client = await loop.create_unix_connection(AsyncClient, url.path)
    else:
        _transport, client = await loop.create_connection(AsyncClient, url.hostname, url.port)
    return client
