"""The blocking API; the address picks the channel: shm:///path or unix:///path."""

from collections.abc import Callable

from values import SLOW_HANDLERS, STREAM_HANDLERS

import ipcbridge as ipc


def serve(address: str, ready: Callable[[], None]) -> None:
    server = ipc.serve(address, {**SLOW_HANDLERS, **STREAM_HANDLERS})
    ready()
    server.wait()
