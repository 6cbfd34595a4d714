"""How much memory a process takes, and how much more of it after a while."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path


def memory_of(pid: int | str) -> int:
    """The bytes that a process has in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def own_memory() -> int:
    """Those of this process, without its garbage."""
    gc.collect()
    return memory_of("self")


class _MallInfo(ctypes.Structure):
    """struct mallinfo2 of glibc."""

    _NAMES = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in _NAMES.split()]


def own_allocations() -> tuple[int, int]:
    """The blocks that Python's objects have, and the bytes that C++ has, without garbage."""
    gc.collect()
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = _MallInfo
    info = mallinfo2()
    return sys.getallocatedblocks(), info.uordblks + info.hblkhd


class Leaks:
    """Counts what is allocated, so that little of it tells although memory would not grow by a page."""

    def __init__(self, allocations: Callable[[], tuple[int, int]] = own_allocations) -> None:
        self._allocations = allocations
        self._before = allocations()

    def check(self, cycles: int) -> None:
        """An object for every second cycle, or a hundred bytes for each, are too much."""
        if "IPCBRIDGE_SANITIZED" in os.environ:
            return  # the sanitizers allocate on their own
        blocks, size = (now - before for now, before in zip(self._allocations(), self._before))
        print(f"{blocks} blocks and {size} bytes more after {cycles} cycles")
        assert blocks < cycles // 2, f"{blocks} blocks more after {cycles} cycles"
        assert size < 100 * cycles, f"{size} bytes more after {cycles} cycles"


class Growth:
    """How much more memory there is in use than when this was made."""

    def __init__(self, memory: Callable[[], int] = own_memory) -> None:
        self._memory = memory
        self._before = memory()

    def check(self, most: int) -> None:
        grown = self._memory() - self._before
        print(f"grown by {grown >> 10} KiB")
        assert grown < most, f"it has grown by {grown} bytes"
