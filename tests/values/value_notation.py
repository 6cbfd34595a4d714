"""The neutral notation of vectors.json, in Python: plain JSON, and {kind: ...} for what JSON has no word for."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy

HERE = Path(__file__).parent
VECTORS = json.loads((HERE / "vectors.json").read_text())
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
CLOCK_EPOCH = datetime(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)


def bytes_of(vector: dict[str, Any]) -> bytes:
    pattern, times = vector.get("tail", ("", 0))
    return bytes.fromhex(vector["hex"] + pattern * times)


def build(notation: Any) -> Any:
    """The value that a notation stands for."""
    if isinstance(notation, list):
        return [build(item) for item in notation]
    if not isinstance(notation, dict):
        return notation
    ((kind, content),) = notation.items()
    return _BUILDERS[kind](content)


def array_of(dtype: Any, shape: list[int], data: str) -> Any:
    return numpy.ndarray(shape, _dtype(dtype), bytes.fromhex(data))


def _dtype(dtype: Any) -> Any:
    if isinstance(dtype, str):
        return dtype
    return numpy.dtype([(name, _dtype(inner), *map(tuple, shape)) for name, inner, *shape in dtype])


def _hashable(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    return frozenset(value) if isinstance(value, set) else value


_BUILDERS = {
    "int": int,
    "float": float,
    "repeat": lambda content: content[0] * content[1],
    "bytes": bytes.fromhex,
    "zeros": bytes,
    "set": lambda items: {_hashable(build(item)) for item in items},
    "map": lambda pairs: {_hashable(build(key)): build(value) for key, value in pairs},
    "object": lambda pairs: {key: build(value) for key, value in pairs},
    "instant": lambda nanoseconds: EPOCH + timedelta(microseconds=int(nanoseconds) // 1000),
    "array": lambda content: array_of(*content),
    "clock": lambda microseconds: CLOCK_EPOCH + timedelta(microseconds=int(microseconds)),
}


def show(value: Any) -> str:
    """A text that differs for any two values a caller could tell apart: 1, 1.0 and True, a tuple and a list."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{show(key)}: {show(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (set, frozenset)):
        return type(value).__name__ + "(" + ", ".join(sorted(map(show, value))) + ")"
    if isinstance(value, (list, tuple)):
        return type(value).__name__ + "(" + ", ".join(map(show, value)) + ")"
    if isinstance(value, numpy.ndarray):
        dtype = value.dtype.descr if value.dtype.names else value.dtype.str
        return f"array({dtype}, {value.shape}, {value.tobytes().hex()})"
    return f"{type(value).__name__}:{value!r}"


def mutated(data: bytes, rng: random.Random) -> bytes:
    """`data` with a few bytes changed, removed or added."""
    copy = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at, kind = rng.randint(0, len(copy)), rng.randrange(3)
        if kind == 0 and at < len(copy):
            copy[at] = rng.randrange(256)
        elif kind == 1:
            del copy[at : at + 1]
        else:
            copy.insert(at, rng.randrange(256))
    return bytes(copy)
