"""Bytes to Python values: looked through by the native scanner, decoded by ormsgpack; `_strict` takes the rest."""

from __future__ import annotations

from typing import Any

from ormsgpack import unpackb

from .._native import (
    EXTENDED,
    KEYWORDS,
    PLAIN,
    TOO_LARGE,
    keeping_interrupts,
    raise_interrupt,
    scan_arguments,
    scan_value,
)
from . import _strict
from ._keys import SCALARS_SPREAD, spread
from ._wire import KWARGS, MAP, SET, too_large


def decode(data: bytes | memoryview) -> Any:
    """The value of `encode_result`'s bytes.

    Raises IpcError: 'data_loss' for bytes that no encoder makes, 'resource_exhausted' for more values than are allowed.
    """
    scanned = scan_value(data)
    try:
        if scanned == PLAIN:
            return unpackb(data)
        if scanned == EXTENDED:
            return unpackb(data, ext_hook=_hook)
    except ValueError:
        raise_interrupt()
    if scanned == TOO_LARGE:
        raise too_large()
    return _strict.decode_value(data)


def decode_args(data: bytes | memoryview) -> tuple[list[Any], dict[str, Any]]:
    """The positional and the keyword arguments of `encode_args`' bytes; raises as `decode` does."""
    scanned = scan_arguments(data)
    try:
        if scanned == PLAIN:
            return unpackb(data), {}
        if scanned == EXTENDED:
            return unpackb(data, ext_hook=_hook), {}
        if scanned == KEYWORDS:
            args = unpackb(data, ext_hook=_hook)
            return args, args.pop()
    except ValueError:
        raise_interrupt()
    if scanned == TOO_LARGE:
        raise too_large()
    return _strict.decode_arguments(data)


@keeping_interrupts
def _hook(tag: int, data: bytes) -> Any:
    # The scanner has seen to it that keywords are a dict at the end of the arguments, the contents of others a list.
    if tag == KWARGS:
        return unpackb(data, ext_hook=_hook)
    if tag == SET:
        return set(_items(data, 1))
    if tag == MAP:
        items = _items(data, 2)
        return dict(zip(items[::2], items[1::2]))
    return _scalar_hook(tag, data)


def _items(data: bytes, step: int) -> list[Any]:
    """The contents of a set or dict, whose keys are every `step`th of them."""
    if SCALARS_SPREAD:
        try:
            return unpackb(data)  # type: ignore[no-any-return]
        except ValueError:
            pass  # extensions
    items: list[Any] = unpackb(data, ext_hook=_scalar_hook)
    spread(items[::step])
    return items


@keeping_interrupts
def _scalar_hook(tag: int, data: bytes) -> Any:
    # A set inside a set ends here: its bytes would be copied once for every level. `_strict` copies none.
    return _strict.SCALAR_EXTENSIONS[tag](data)
