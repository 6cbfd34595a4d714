"""`async def` handlers on asyncio's own loop."""

import asyncio
from collections.abc import Callable

from values import HANDLERS

from ipcbridge import aio


async def upper(text: str) -> str:
    return HANDLERS["upper"](text)


async def _serve(address: str, ready: Callable[[], None]) -> None:
    server = await aio.serve(address, {"upper": upper})
    ready()
    await server.wait()


def serve(address: str, ready: Callable[[], None]) -> None:
    asyncio.run(_serve(address, ready))
