"""How much memory a process takes, and how much more of it after a while."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path


def memory_of(pid: int | str) -> int:
    """The bytes that a process has in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def own_memory() -> int:
    """Those of this process, without its garbage."""
    gc.collect()
    return memory_of("self")


class Growth:
    """How much more memory there is in use than when this was made."""

    def __init__(self, memory: Callable[[], int] = own_memory) -> None:
        self._memory = memory
        self._before = memory()

    def check(self, most: int) -> None:
        grown = self._memory() - self._before
        print(f"grown by {grown >> 10} KiB")
        assert grown < most, f"it has grown by {grown} bytes"
