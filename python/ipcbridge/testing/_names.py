"""Names that nobody else has."""

from __future__ import annotations

import os


def unique_name(prefix: str = "test") -> str:
    """A name that no other test, thread or process has: for serve() where tests run in parallel.

    `prefix` is what it begins with, for logs. Valid as a local name, and behind `inproc://`.
    """
    # Random, because what counts is copied by a fork, and pids are the same in two containers.
    return f"{prefix}-{os.getpid()}-{os.urandom(6).hex()}"
