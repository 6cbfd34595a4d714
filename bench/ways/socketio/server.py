"""python-socketio on uvicorn; handlers run in order (async_handlers=False), which is quicker than a task each."""

import logging
from collections.abc import Callable

import socketio
import uvicorn
from sockets import listen
from values import HANDLERS


def serve(_address: str, ready: Callable[[str], None]) -> None:
    logging.disable(logging.WARNING)
    server = socketio.AsyncServer(async_mode="asgi", transports=["websocket"], async_handlers=False)

    @server.on("upper")
    async def upper(_sid: str, text: str) -> str:
        return HANDLERS["upper"](text)

    listener, actual = listen("http://")
    config = uvicorn.Config(
        socketio.ASGIApp(server),
        loop="asyncio",
        ws_per_message_deflate=False,
        lifespan="off",
        access_log=False,
        log_config=None,
    )
    ready(actual)
    uvicorn.Server(config).run(sockets=[listener])
