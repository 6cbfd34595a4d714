"""`async def` handlers, and a plain one beside them, of `ipc.serve` or, with BENCH_SERVE=aio, of `aio.serve`."""

import asyncio
import os
from collections.abc import Callable

from values import HANDLERS
from values_async import ASYNC_HANDLERS

import ipcbridge as ipc
from ipcbridge import aio

SERVICE = {**ASYNC_HANDLERS, "upper_plain": HANDLERS["upper"]}


def _serve_from_threads(address: str, ready: Callable[[], None]) -> None:
    server = ipc.serve(address, SERVICE)
    ready()
    server.wait()


async def _serve_on_loop(address: str, ready: Callable[[], None]) -> None:
    server = await aio.serve(address, SERVICE)
    ready()
    await server.wait()


def serve(address: str, ready: Callable[[], None]) -> None:
    if os.environ.get("BENCH_SERVE") == "aio":
        asyncio.run(_serve_on_loop(address, ready))
    else:
        _serve_from_threads(address, ready)
