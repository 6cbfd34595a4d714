"""NumPy arrays by the blocking API."""

from collections.abc import Callable
from typing import Any

import ipcbridge_arrays as arrays
from ipcbridge_limits import LIMITS, SERVE_LIMITS

import ipcbridge as ipc

SERVICE = {"count_bytes": len, "ends": arrays.ends, "ends_dropped": arrays.ends, "frames": arrays.frames}


class Client:
    arrays = arrays

    def __init__(self, address: str) -> None:
        self._remote = ipc.connect(address, limits=LIMITS)
        self.count_bytes = self._remote.count_bytes
        self.ends = self._remote.ends
        self.ends_dropped = self._remote.ends_dropped
        self.frames = self._remote.frames
        self.status = lambda: ipc.status(self._remote)

    def close(self) -> None:
        ipc.close(self._remote)


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)


def serve(address: str, ready: Callable[[], None]) -> None:
    server = ipc.serve(address, SERVICE, limits=SERVE_LIMITS)
    ready()
    server.wait()
