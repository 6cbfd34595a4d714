"""The conversation with the harness: commands come on stdin, replies and events go to stdout, each a line of JSON."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# For the notation of values, and for what tests/python does many times.
sys.path[:0] = [str(Path(__file__).parents[2] / folder) for folder in ("values", "python")]

_lock = threading.Lock()


def say(**message: Any) -> None:
    with _lock:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def event(name: str, **more: Any) -> None:
    say(event=name, **more)


def commands() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        yield json.loads(line)


def become(uid: int) -> None:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
