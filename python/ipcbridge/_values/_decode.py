"""Bytes to Python values, by ormsgpack wherever its result is surely right; `_strict` takes the rest."""

from __future__ import annotations

import os
from typing import Any

import ormsgpack

from . import _strict
from ._wire import KWARGS, MAP, MAP_HEADS, MAX_DEPTH, SET, may_be_deep


class _Unsure(ValueError):
    """The fast path cannot be trusted with these bytes: `_strict` shall decide."""


# Before 1.13.1, which needs Python 3.11, ormsgpack reserves memory for as many items as a list announces: it crashes
# where there is not so much, and lists inside one another multiply it.
_RESERVES_AHEAD = tuple(map(int, ormsgpack.__version__.split(".")[:3])) < (1, 13, 1)
_LIST_16, _LIST_32 = b"\xdc", b"\xdd"


def _guarded_unpackb(data: bytes, *, ext_hook: Any) -> Any:
    if _LIST_32 in data or data.count(_LIST_16) > 64:
        raise _Unsure
    return ormsgpack.unpackb(data, ext_hook=ext_hook)


_unpackb = _guarded_unpackb if _RESERVES_AHEAD else ormsgpack.unpackb

# ormsgpack ignores what follows the first value. So the value is decoded as the first of a pair whose second is a
# number that no peer can know: it comes out last only if the value's bytes were used up exactly.
_PAIR = b"\x92"
_MARK_BYTES = b"\xcf" + bytes(0xE0 | byte for byte in os.urandom(8))  # without the bytes that are searched for
_MARK = ormsgpack.unpackb(_MARK_BYTES)


def decode(data: bytes | memoryview) -> Any:
    """The value of `encode_result`'s bytes. Raises IpcError, 'data_loss' for bytes that no encoder makes."""
    try:
        value, mark = _unpackb(_PAIR + data + _MARK_BYTES, ext_hook=_hook)
    except ValueError:
        return _strict.decode_value(data)
    if mark != _MARK or (len(data) > MAX_DEPTH and may_be_deep(data) and _too_deep([value])):
        return _strict.decode_value(data)
    return value


def decode_args(data: bytes | memoryview) -> tuple[list[Any], dict[str, Any]]:
    """The positional and the keyword arguments of `encode_args`' bytes; raises as `decode` does."""
    pair = _PAIR + data + _MARK_BYTES
    try:
        if KWARGS in pair:
            return _args_and_kwargs(pair, data)
        args, mark = _unpackb(pair, ext_hook=_hook)
    except ValueError:
        return _strict.decode_arguments(data)
    if mark != _MARK or type(args) is not list or (len(data) > MAX_DEPTH and may_be_deep(data) and _too_deep(args)):
        return _strict.decode_arguments(data)
    return args, {}


def _args_and_kwargs(pair: bytes, data: bytes | memoryview) -> tuple[list[Any], dict[str, Any]]:
    # decode_args for bytes that may hold keyword arguments: only the hook can tell where those stand.
    found: list[dict[str, Any]] = []

    def hook(tag: int, contents: bytes) -> Any:
        if tag != KWARGS:
            return _hook(tag, contents)
        if not contents or contents[0] not in MAP_HEADS:
            raise _Unsure
        found.append(_contents(contents, dict, _hook))
        return found

    args, mark = _unpackb(pair, ext_hook=hook)
    if mark != _MARK or type(args) is not list or len(found) > 1 or (found and args.pop() is not found):
        return _strict.decode_arguments(data)
    kwargs = found[0] if found else {}
    if len(data) > MAX_DEPTH and may_be_deep(data) and _too_deep([*args, *kwargs.values()]):
        return _strict.decode_arguments(data)
    return args, kwargs


def _hook(tag: int, data: bytes) -> Any:
    if tag == SET:
        return set(_contents(data, list, _scalar_hook))
    if tag == MAP:
        items = _contents(data, list, _scalar_hook)
        if len(items) % 2:
            raise _Unsure
        return dict(zip(items[::2], items[1::2]))
    return _scalar_hook(tag, data)


def _scalar_hook(tag: int, data: bytes) -> Any:
    # A set inside a set ends here: how deep extensions nest is not for the C stack to find out.
    return _strict.SCALAR_EXTENSIONS[tag](data)


def _contents(data: bytes, kind: type, hook: Any) -> Any:
    value, mark = _unpackb(_PAIR + data + _MARK_BYTES, ext_hook=hook)
    if mark != _MARK or type(value) is not kind:
        raise _Unsure
    return value


_CONTAINERS = frozenset({list, dict, set, tuple})


def _too_deep(values: list[Any]) -> bool:
    """Whether lists, dicts and sets stand more than MAX_DEPTH deep in one of `values`, which were just decoded."""
    level = [value for value in values if type(value) in _CONTAINERS]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for holder in level:
            items = [*holder, *holder.values()] if type(holder) is dict else holder
            if not _CONTAINERS.isdisjoint(map(type, items)):  # most hold scalars only: seen at C speed
                inner += [item for item in items if type(item) in _CONTAINERS]
        if not inner:
            return False
        level = inner
    return True
