"""Which event loops of this process serve what, so that a blocking call to its own loop fails instead of hanging."""

from __future__ import annotations

import sys
from weakref import WeakKeyDictionary

from .. import _native
from .._errors import IpcError
from .._typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

_served: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, int]] = WeakKeyDictionary()


def add(loop: asyncio.AbstractEventLoop, path: str) -> None:
    paths = _served.setdefault(loop, {})
    paths[path] = paths.get(path, 0) + 1
    _count()


def remove(loop: asyncio.AbstractEventLoop, path: str) -> None:
    paths = _served.get(loop, {})
    left = paths.pop(path, 0) - 1
    if left > 0:
        paths[path] = left
    if not paths:
        _served.pop(loop, None)
    _count()


def forget_all() -> None:
    """After a fork: the loops run in the parent."""
    _served.clear()
    _count()


def check(paths: frozenset[str]) -> None:
    """Raises if this thread runs the loop that would have to answer."""
    if "asyncio" not in sys.modules:  # who has not imported it has no loop
        return
    import asyncio

    loop = asyncio._get_running_loop()
    if loop is not None and not paths.isdisjoint(_served.get(loop, ())):
        raise IpcError(
            "failed_precondition",
            "a blocking call to a service on the event loop of this very thread would wait for itself:"
            " use ipcbridge.aio, or asyncio.to_thread",
        )


def _count() -> None:
    _native.set_loop_servers(len(_served))
