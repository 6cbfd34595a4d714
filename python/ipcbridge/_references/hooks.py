"""Who knows about a driver's references: asked when the first of them is met."""

from __future__ import annotations

from _collections_abc import Callable

from .. import _native
from .._client.client import attach_with
from .._process import process as _process
from .._serve.context import use_remotes
from .._typing import Any

_makers: dict[type, Callable[[Any], tuple[Any, ...]]] = {}


def use_for(driver: type, make: Callable[[Any], tuple[Any, ...]]) -> None:
    """`make(driver)` gives (share, end, receive, handlers, outlive) for drivers of this type.

    What these are for stands in bindings/python/references.cpp.
    """
    _makers[driver] = make


def _of_blocking(driver: Any) -> tuple[Any, ...]:
    from . import blocking

    return blocking.hooks(driver)


def _calls_of(process: _process.Process) -> Any:
    from . import blocking

    return blocking.Calls(process.driver)


def _attach(process: _process.Process, target: Any, name: str) -> Any:
    from . import blocking

    return blocking.attach(process, target, name)


_process.use_calls(_calls_of)
attach_with(_attach)
use_remotes(
    _native.BlockingDriver, lambda _driver, connection: _process.current().calls.peers.of_connection(connection)
)
use_for(_native.BlockingDriver, _of_blocking)
_native.use_references(lambda driver: _makers[type(driver)](driver))
