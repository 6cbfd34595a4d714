"""The encoder that decides: slow, exact, and able to say where a refused value stands.

`_encode` hands over whatever ormsgpack does not take as it is; both give the same bytes for the same value.
"""

from __future__ import annotations

import json
import struct
from itertools import chain
from typing import Any

import ormsgpack

from .._errors import IpcError
from ._rules import Refused, simplify
from ._wire import KWARGS, MAP, MAX_DEPTH, OPTIONS, SET, Extension

SCALARS = frozenset({type(None), bool, int, float, str, bytes})


def encode_value(value: Any, root: str) -> bytes:
    """The bytes of one value; `root` names it in errors. Raises IpcError, see Refused."""
    out = bytearray()
    try:
        _write(out, value, 0)
    except Refused as refusal:
        raise _explain(refusal, root) from refusal.__cause__
    return bytes(out)


def encode_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    out = _header(len(args) + bool(kwargs), 0x90, 16, b"\xdc", b"\xdd")
    for index, value in enumerate(args):
        out += encode_value(value, f"args[{index}]")
    if kwargs:
        contents = _header(len(kwargs), 0x80, 16, b"\xde", b"\xdf")
        for name, value in kwargs.items():
            contents += encode_value(name, "a keyword") + encode_value(value, f"kwargs{_member(name)}")
        out += Extension(KWARGS, bytes(contents)).encode()
    return bytes(out)


def _write(out: bytearray, value: Any, depth: int) -> None:
    original = value
    kind = type(value)
    while kind not in _WRITERS:
        try:
            value = simplify(value)
        except (Refused, RecursionError, MemoryError):
            raise
        except Exception as error:  # a property or __float__ of the user's
            raise Refused(f"reading this {kind.__name__} raised {type(error).__name__}") from error
        kind = type(value)
        if kind is Extension:
            out += value.encode()
            return
    writer = _WRITERS[kind]
    if writer is not None:
        if depth == MAX_DEPTH:
            raise Refused(f"nested more than {MAX_DEPTH} levels deep", too_deep=True)
        writer(out, value, depth + 1, original)
    elif kind is int:
        _write_int(out, value)
    else:
        try:
            out += ormsgpack.packb(value, None, OPTIONS)
        except TypeError as error:
            raise Refused("a string with a lone surrogate, which UTF-8 cannot carry") from error


def _write_int(out: bytearray, value: int) -> None:
    if -(1 << 63) <= value < 1 << 64:
        # Older ormsgpack calls -2**63 too big.
        out += b"\xd3" + struct.pack(">q", value) if value < -(1 << 31) else ormsgpack.packb(value)
    else:
        out += simplify(value).encode()


def _write_list(out: bytearray, items: list[Any] | tuple[Any, ...], depth: int, holder: object) -> None:
    if SCALARS.issuperset(map(type, items)):
        try:
            out += ormsgpack.packb(items, None, OPTIONS)
            return
        except TypeError:
            pass  # one of them is refused, or too long for 64 bits: go and see which
    out += _header(len(items), 0x90, 16, b"\xdc", b"\xdd")
    for index, item in enumerate(items):
        try:
            _write(out, item, depth)
        except Refused as refusal:
            raise refusal.inside(f"[{index}]", holder) from refusal.__cause__


def _write_set(out: bytearray, items: set[Any] | frozenset[Any], depth: int, holder: object) -> None:
    contents = _header(len(items), 0x90, 16, b"\xdc", b"\xdd")
    for index, item in enumerate(items):
        try:
            _write(contents, item, depth)
        except Refused as refusal:
            raise refusal.inside(f"<element {index}>", holder) from refusal.__cause__
    out += Extension(SET, bytes(contents)).encode()


def _write_dict(out: bytearray, items: dict[Any, Any], depth: int, holder: object) -> None:
    keys = [key if type(key) in SCALARS else _simple_key(key) for key in items]
    if all(type(key) is str for key in keys):
        out += _header(len(keys), 0x80, 16, b"\xde", b"\xdf")
        _write_pairs(out, keys, items, depth, holder)
        return
    contents = _header(2 * len(keys), 0x90, 16, b"\xdc", b"\xdd")
    if SCALARS.issuperset(map(type, keys)) and SCALARS.issuperset(map(type, items.values())):
        try:
            contents[:] = ormsgpack.packb(list(chain.from_iterable(zip(keys, items.values()))), None, OPTIONS)
        except TypeError:
            _write_pairs(contents, keys, items, depth, holder)
    else:
        _write_pairs(contents, keys, items, depth, holder)
    out += Extension(MAP, bytes(contents)).encode()


def _write_pairs(out: bytearray, keys: list[Any], items: dict[Any, Any], depth: int, holder: object) -> None:
    for index, (key, value) in enumerate(zip(keys, items.values())):
        try:
            _write(out, key, depth)
        except Refused as refusal:
            raise refusal.inside(f"<key {index}>", holder) from refusal.__cause__
        try:
            _write(out, value, depth)
        except Refused as refusal:
            raise refusal.inside(_member(key), holder) from refusal.__cause__


def _simple_key(key: Any) -> Any:
    # A str subclass or an enum of strings counts as a string. What is refused here is met again, with its path.
    while type(key) not in _WRITERS:
        try:
            simple = simplify(key)
        except Exception:
            return key
        if type(simple) is Extension:
            return key
        key = simple
    return key


_WRITERS: dict[type, Any] = {
    list: _write_list,
    tuple: _write_list,
    dict: _write_dict,
    set: _write_set,
    frozenset: _write_set,
    **dict.fromkeys(SCALARS),
}


def _header(count: int, short: int, short_limit: int, header16: bytes, header32: bytes) -> bytearray:
    if count < short_limit:
        return bytearray((short | count,))
    if count < 1 << 16:
        return bytearray(header16 + struct.pack(">H", count))
    return bytearray(header32 + struct.pack(">I", count))


def _member(key: Any) -> str:
    if type(key) is str:
        return f".{key}" if key.isidentifier() else f"[{json.dumps(key)}]"
    return f"[{key!r}]" if type(key) in (int, bool, float, type(None)) else f"[a {type(key).__name__} key]"


def _explain(refusal: Refused, root: str) -> IpcError:
    steps, holders = refusal.steps[::-1], refusal.holders[::-1]
    if refusal.too_deep:
        seen: dict[int, int] = {}
        for level, holder in enumerate(holders):
            first = seen.setdefault(id(holder), level)
            if first != level:
                path, back = root + "".join(steps[:level]), root + "".join(steps[:first])
                return IpcError("invalid_argument", f"{path} refers back to {back}: a cycle cannot be sent")
        return IpcError("invalid_argument", f"{root}{''.join(steps[:4])}... is {refusal}")
    return IpcError(refusal.code, f"{root}{''.join(steps)} cannot be sent: {refusal}")
