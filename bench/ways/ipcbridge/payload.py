"""Large values by the blocking API; the address picks the channel: shm:///path or unix:///path."""

from collections.abc import Callable
from typing import Any

from ipcbridge_limits import LIMITS, SERVE_LIMITS

import ipcbridge as ipc


class Client:
    def __init__(self, address: str) -> None:
        self._remote = ipc.connect(address, limits=LIMITS)
        self.count_bytes = self._remote.count_bytes
        self.echo = self._remote.echo
        self.status = lambda: ipc.status(self._remote)

    def close(self) -> None:
        ipc.close(self._remote)


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)


def serve(address: str, ready: Callable[[], None]) -> None:
    server = ipc.serve(address, {"count_bytes": len, "echo": lambda value: value}, limits=SERVE_LIMITS)
    ready()
    server.wait()
