"""The blocking API; the address picks the channel: shm:///path or unix:///path."""

import os
from collections.abc import Callable

from values import SLOW_HANDLERS, STREAM_HANDLERS

import ipcbridge as ipc

MIDDLEWARE = (lambda call, next: next(call)) if os.environ.get("BENCH_MIDDLEWARE") else None


def serve(address: str, ready: Callable[[], None]) -> None:
    server = ipc.serve(address, {**SLOW_HANDLERS, **STREAM_HANDLERS}, middleware=MIDDLEWARE)
    ready()
    server.wait()
