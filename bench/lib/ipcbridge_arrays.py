"""NumPy arrays in ordinary memory and in memory of the pool, and the handlers that take and give them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import ipcbridge as ipc

if not hasattr(ipc, "alloc"):
    raise ImportError("this build has no ipc.alloc")

BLOCKS = 8

_blocks: list[Any] = []


def ordinary(count: int) -> Any:
    return np.empty(count, "float64")


def pooled(count: int) -> Any:
    return ipc.alloc((count,), "float64")


def touch(array: Any) -> None:
    """Reads every byte, as quickly as NumPy does that."""
    np.bitwise_or.reduce(array.view("uint64"))


def local_blocks(size: int) -> list[Any]:
    return [np.ones(size, "uint8") for _ in range(BLOCKS)]


def _frame_blocks(size: int) -> list[Any]:
    blocks = [ipc.alloc((size,), "uint8") for _ in range(BLOCKS)]
    for i, block in enumerate(blocks):
        block[:] = 1
        block[0] = i
    return blocks


def ends(array: Any) -> float:
    return float(array[0]) + float(array[-1])


def frames(count: int, size: int) -> Iterator[Any]:
    """The same blocks in turn: what is measured is their way, not how they are made."""
    if not _blocks:
        _blocks.extend(_frame_blocks(size))
    for i in range(count):
        yield _blocks[i % BLOCKS]
