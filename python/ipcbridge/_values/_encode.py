"""Python values to bytes, by ormsgpack wherever its result is surely right; `_walk` takes the rest."""

from __future__ import annotations

from typing import Any

import ormsgpack

from .._native import TOO_LARGE, keeping_interrupts, raise_interrupt, scan_arguments, scan_value
from . import _walk
from ._rules import simplify
from ._wire import KWARGS, MAX_DEPTH, OPTIONS, SET, Extension, too_large

_packb = ormsgpack.packb
_fragment: Any = getattr(ormsgpack, "Fragment", None)  # since 1.13
_SCALARS = _walk.SCALARS


def encode_result(value: Any, root: str = "result") -> bytes:
    """The bytes of one value. Raises IpcError naming the path, from `root` on, to what cannot be sent, or not yet."""
    try:
        data = _packb(value, _default, OPTIONS)
    except TypeError:
        raise_interrupt()
        data = _walk.encode_value(value, root)
    # ormsgpack knows nothing of limits. Every level takes a byte, so few bytes need no scan.
    if len(data) <= MAX_DEPTH:
        return data
    scanned = scan_value(data)
    if scanned == TOO_LARGE:
        raise too_large()
    return data if scanned else _walk.encode_value(value, root)


def encode_args(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """The bytes of a call's arguments: a list, with the keyword arguments as its last element if there are any."""
    try:
        if kwargs:
            named = ormsgpack.Ext(KWARGS, _packb(kwargs, _default, OPTIONS))
            data = _packb((*args, named), _default, OPTIONS)
        else:
            data = _packb(args, _default, OPTIONS)
    except TypeError:
        raise_interrupt()
        data = _walk.encode_arguments(args, kwargs)
    if len(data) <= MAX_DEPTH:
        return data
    scanned = scan_arguments(data)
    if scanned == TOO_LARGE:
        raise too_large()
    return data if scanned else _walk.encode_arguments(args, kwargs)


@keeping_interrupts
def _default(value: Any) -> Any:
    """ormsgpack's hook. Whatever it raises makes ormsgpack fail, and `_walk` find out why."""
    kind = type(value)
    if kind is set or kind is frozenset:
        if not _SCALARS.issuperset(map(type, value)):
            raise TypeError("nesting inside an extension is counted by _walk only")
        return ormsgpack.Ext(SET, _packb(list(value), None, OPTIONS))
    if kind is int and -(1 << 63) <= value < 1 << 64:
        raise TypeError("older ormsgpack does not take -2**63")
    plain = simplify(value)
    if type(plain) is not Extension:
        return plain
    if plain.tag >= 0:
        return ormsgpack.Ext(plain.tag, plain.contents)
    if _fragment is None:
        raise TypeError("only _walk can write a negative extension type")
    return _fragment(plain.encode())
