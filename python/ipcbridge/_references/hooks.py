"""Who knows about a driver's references: asked when the first of them is met."""

from __future__ import annotations

import _thread
import weakref
from _collections_abc import Callable

from .. import _native
from .._client.client import attach_with
from .._errors import IpcError
from .._process import process as _process
from .._process.threads import Latch
from .._serve.context import use_remotes
from .._typing import Any

_makers: dict[type, Callable[[Any], tuple[Any, ...]]] = {}


def use_for(driver: type, make: Callable[[Any], tuple[Any, ...]]) -> None:
    """`make(driver)` gives (share, end, receive, handlers, outlive) for drivers of this type.

    What these are for stands in bindings/python/references.cpp.
    """
    _makers[driver] = make


class _Making:
    """What one thread makes while others wait for it."""

    def __init__(self) -> None:
        self.by = _thread.get_ident()
        self.ended = Latch()
        self.hooks: tuple[Any, ...] | None = None


_made: weakref.WeakKeyDictionary[Any, _Making] = weakref.WeakKeyDictionary()


def _hooks(driver: Any) -> tuple[Any, ...]:
    """Made once for each driver, however many threads meet their first references at the same time.

    Of two the driver would give the calls of references to the one that was made last, while others know the first.
    """
    while True:
        mine = _Making()
        making = _made.setdefault(driver, mine)
        if making is mine:
            try:
                making.hooks = _makers[type(driver)](driver)
            except BaseException:  # another call may try again
                del _made[driver]
                raise
            finally:
                making.ended.set()
        elif making.by == _thread.get_ident() and not making.ended.is_set():
            raise IpcError("failed_precondition", "a finaliser passes the first reference while another one is passed")
        else:
            making.ended.wait()
        if making.hooks is not None:
            return making.hooks


def _of_blocking(driver: Any) -> tuple[Any, ...]:
    from . import blocking

    return blocking.hooks(driver)


def _calls_of(process: _process.Process) -> Any:
    from . import blocking

    return blocking.Calls(process)


def _attach(process: _process.Process, target: Any, name: str) -> Any:
    from . import blocking

    return blocking.attach(process, target, name)


_process.use_calls(_calls_of)
attach_with(_attach)
use_remotes(
    _native.BlockingDriver, lambda _driver, connection: _process.current().calls.peers.of_connection(connection)
)
use_for(_native.BlockingDriver, _of_blocking)
_native.use_references(_hooks)
_process.call_after_fork(_made.clear)
