"""The bytes as the body of a POST: http.client; uvicorn with httptools and a bare ASGI application."""

import http.client
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import sockets
import uvicorn

HEADERS = {"content-type": "application/octet-stream"}
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Client:
    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc)
        self._connection.connect()

    def count_bytes(self, data: bytes) -> int:
        self._connection.request("POST", "/count", data, HEADERS)
        return int(self._connection.getresponse().read())

    def close(self) -> None:
        self._connection.close()


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)


async def application(_scope: dict[str, Any], receive: Receive, send: Send) -> None:
    chunks = []
    while True:
        event = await receive()
        chunks.append(event.get("body", b""))
        if not event.get("more_body"):
            break
    reply = str(len(b"".join(chunks))).encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(reply)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": reply})


def serve(_address: str, ready: Callable[[str], None]) -> None:
    logging.disable(logging.WARNING)
    listener, actual = sockets.listen("http://")
    config = uvicorn.Config(
        application,
        loop="asyncio",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_keep_alive=60,
    )
    ready(actual)
    uvicorn.Server(config).run(sockets=[listener])
