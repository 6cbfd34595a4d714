"""Processes that share a name, whose handlers wait a millisecond, one at a time: one at ADDRESS1, four at ADDRESS4."""

import subprocess
import sys
import time
from collections.abc import Callable

import ipcbridge as ipc


def upper(text: str) -> str:
    time.sleep(0.001)
    return text.upper()


def work(address: str) -> None:
    server = ipc.serve(address, {"upper": upper}, serial=True, shared=True)
    print("ready", flush=True)
    server.wait()


def serve(address: str, ready: Callable[[], None]) -> None:
    addresses = [f"{address}1", *[f"{address}4"] * 4]
    workers = [subprocess.Popen([sys.executable, __file__, each], stdout=subprocess.PIPE) for each in addresses]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    ready()
    for worker in workers:
        worker.wait()


if __name__ == "__main__":
    work(sys.argv[1])
