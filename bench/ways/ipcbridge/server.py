"""The blocking API; the address picks the channel: shm:///path or unix:///path."""

from collections.abc import Callable

import ipcbridge as ipc
from values import SLOW_HANDLERS


def serve(address: str, ready: Callable[[], None]) -> None:
    server = ipc.serve(address, SLOW_HANDLERS)
    ready()
    server.wait()
