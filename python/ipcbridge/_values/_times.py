"""datetime <-> the timestamp and local-datetime extensions, both exact to the microsecond."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LOCAL_EPOCH = datetime(1970, 1, 1)
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)


class MalformedTime(ValueError):
    """The bytes are no timestamp at all, as opposed to one that datetime cannot hold (OverflowError)."""


def encode_aware(value: datetime) -> bytes:
    """MessagePack's own timestamp, in the shortest of its three forms. The zone is not kept, the instant is."""
    seconds, rest = divmod(value - _EPOCH, _SECOND)
    nanoseconds = rest // _MICROSECOND * 1000
    if 0 <= seconds < 1 << 34:
        if nanoseconds == 0 and seconds < 1 << 32:
            return struct.pack(">I", seconds)
        return struct.pack(">Q", nanoseconds << 34 | seconds)
    return struct.pack(">Iq", nanoseconds, seconds)


def decode_aware(data: bytes) -> datetime:
    """The instant in UTC; what is finer than a microsecond is cut off (floor)."""
    nanoseconds = 0
    if len(data) == 4:
        (seconds,) = struct.unpack(">I", data)
    elif len(data) == 8:
        (both,) = struct.unpack(">Q", data)
        nanoseconds, seconds = both >> 34, both & (1 << 34) - 1
    elif len(data) == 12:
        nanoseconds, seconds = struct.unpack(">Iq", data)
    else:
        raise MalformedTime("a timestamp of a length that MessagePack does not define")
    if nanoseconds > 999_999_999:
        raise MalformedTime("a timestamp with more than a second of nanoseconds")
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)


def encode_naive(value: datetime) -> bytes:
    """Microseconds between the wall-clock reading and 1970-01-01T00:00:00 on the same clock."""
    return struct.pack(">q", (value.replace(tzinfo=None) - _LOCAL_EPOCH) // _MICROSECOND)


def decode_naive(data: bytes) -> datetime:
    if len(data) != 8:
        raise MalformedTime("a local datetime that is not 8 bytes")
    return _LOCAL_EPOCH + timedelta(microseconds=struct.unpack(">q", data)[0])
