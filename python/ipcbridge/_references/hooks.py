"""Chooses who knows about a driver's references, when the first of them is met."""

from __future__ import annotations

from .. import _native
from .._typing import Any


def hooks(driver: Any) -> tuple[Any, ...]:
    """(share, end, receive, handlers, outlive): bindings/python/references.hpp says what they are for."""
    if isinstance(driver, _native.BlockingDriver):
        from .blocking import hooks as make
    else:
        from ..aio._references import hooks as make
    return make(driver)


_native.use_references(hooks)
