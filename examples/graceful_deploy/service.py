"""The same in Python: service.py VERSION."""

import sys
import time
from collections.abc import Iterator

import ipcbridge as ipc

version = sys.argv[1] if len(sys.argv) > 1 else "v1"


def render(page: str) -> str:
    time.sleep(0.005)
    return f"{page} by {version}"


def log(lines: int) -> Iterator[str]:
    for line in range(1, lines + 1):
        time.sleep(0.005)
        yield f"{version}: line {line}"


server = ipc.serve("renderer", {"render": render, "log": log})
ipc.close_on_signals(server, grace=30, exit_code=0)
print("ready", flush=True)
server.wait()
