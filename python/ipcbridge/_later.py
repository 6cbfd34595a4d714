"""Names of the public API whose meaning comes with a later release."""

from __future__ import annotations

from typing import Any, NoReturn

from ._errors import IpcError


def stream(iterable: Any) -> NoReturn:
    """Will make a stream of an iterable. Raises IpcError('unimplemented')."""
    raise IpcError("unimplemented", "stream() comes in a later release: send a list")


def retain(function: Any) -> NoReturn:
    """Will let a callback outlive its call. Raises IpcError('unimplemented')."""
    raise IpcError("unimplemented", "retain() and callbacks come in a later release")


def proxy(value: Any) -> NoReturn:
    """Will pass an object by reference. Raises IpcError('unimplemented')."""
    raise IpcError("unimplemented", "proxy() comes in a later release: serve the object under a name of its own")
