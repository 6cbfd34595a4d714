"""uvicorn with httptools and a bare ASGI application, quicker than aiohttp's server or a framework."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from envelope import decode, encode
from sockets import listen
from values import HANDLERS

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    reply = encode(HANDLERS[scope["path"][1:]](*decode(body)))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(reply)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": reply})


def serve(address: str, ready: Callable[[str], None]) -> None:
    logging.disable(logging.WARNING)
    listener, actual = listen("http://")
    config = uvicorn.Config(
        application,
        loop="asyncio",  # no way gets uvloop
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_keep_alive=60,
    )
    ready(actual)  # the socket listens already; what connects now waits in its backlog
    uvicorn.Server(config).run(sockets=[listener])
