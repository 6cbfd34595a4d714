"""Events with a binary attachment, of any length: python-socketio on uvicorn, handlers in order."""

import logging
from collections.abc import Callable

import socketio
import sockets
import uvicorn

LARGEST = 2**30


def serve(_address: str, ready: Callable[[str], None]) -> None:
    logging.disable(logging.WARNING)
    server = socketio.AsyncServer(
        async_mode="asgi", transports=["websocket"], async_handlers=False, max_http_buffer_size=LARGEST
    )

    @server.on("count")
    async def count(_sid: str, data: bytes) -> int:
        return len(data)

    listener, actual = sockets.listen("http://")
    config = uvicorn.Config(
        socketio.ASGIApp(server),
        loop="asyncio",
        ws_per_message_deflate=False,
        ws_max_size=LARGEST,
        lifespan="off",
        access_log=False,
        log_config=None,
    )
    ready(actual)
    uvicorn.Server(config).run(sockets=[listener])
