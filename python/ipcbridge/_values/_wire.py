"""The bytes of docs/values.md: extension types, limits, and how ormsgpack is set up to keep to them."""

from __future__ import annotations

import struct
from typing import NamedTuple

import ormsgpack

from .._errors import IpcError
from .._native import MAX_WEIGHT

# MessagePack extension types.
TIMESTAMP = -1
MAP = 1
SET = 2
BIG_INT = 3
LOCAL_DATETIME = 4
KWARGS = 5

MAX_DEPTH = 128
"""How many lists, dicts and sets may stand inside one another in one argument or result."""

HEAVY = 4
"""What lists, dicts, bytes and extensions count towards MAX_WEIGHT; other values, also keys, count 1."""

MAX_COLLISIONS = 64
"""How many keys of a dict, or elements of a set, may have the same hash."""

# What ormsgpack would otherwise convert by its own rules (enums, dataclasses, subclasses, ...) comes to `default`.
OPTIONS = (
    ormsgpack.OPT_PASSTHROUGH_BIG_INT
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_UUID
)


def too_large() -> IpcError:
    """For values beyond docs/values.md, "Size"."""
    return IpcError("resource_exhausted", f"more values than one message may hold: their weight is over {MAX_WEIGHT:,}")


class Extension(NamedTuple):
    """A value that travels as a MessagePack extension: its type and its contents."""

    tag: int
    contents: bytes

    def encode(self) -> bytes:
        # Not by ormsgpack.Ext, which takes no negative type and so no timestamp.
        size = len(self.contents)
        if size in _FIXED:
            return struct.pack(">Bb", _FIXED[size], self.tag) + self.contents
        if size < 1 << 8:
            return struct.pack(">BBb", 0xC7, size, self.tag) + self.contents
        if size < 1 << 16:
            return struct.pack(">BHb", 0xC8, size, self.tag) + self.contents
        return struct.pack(">BIb", 0xC9, size, self.tag) + self.contents


_FIXED = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}

# The first bytes of a MessagePack map.
MAP_HEADS = frozenset([*range(0x80, 0x90), 0xDE, 0xDF])
