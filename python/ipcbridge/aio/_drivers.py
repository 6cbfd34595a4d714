"""The drivers of this process's event loops."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from .._process import process as _process

if TYPE_CHECKING:
    from ._call import Call
    from ._loop import LoopDriver

drivers: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopDriver] = WeakKeyDictionary()


def abandon(call: Call) -> None:
    """Nobody waits for the call any more."""
    driver = drivers.get(call.get_loop())
    if driver is not None and driver.native.usable():
        driver.native.abandon(call)


_process.call_after_fork(drivers.clear)
