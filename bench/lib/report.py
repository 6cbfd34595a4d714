"""How a worker or server process talks to the harness: one line of JSON on stdout each time."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

MARK = '{"bench":'


def report(message: dict[str, Any]) -> None:
    sys.stdout.write(f"{MARK}{json.dumps(message)}}}\n")
    sys.stdout.flush()


def report_error(error: BaseException) -> None:
    report({"error": f"{type(error).__name__}: {error}".splitlines()[0]})


def commands() -> Iterator[dict[str, Any]]:
    """Lines of JSON from the harness, until the harness ends."""
    while line := sys.stdin.readline():
        yield json.loads(line)


def end_with_harness() -> None:
    """A server has nothing to read: end it as soon as the harness is gone, whatever it is doing."""

    def watch() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=watch, name="harness", daemon=True).start()
