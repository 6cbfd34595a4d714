"""What a Python value that MessagePack does not know travels as.

Imported by the native encoder when it meets the first such value. Other packages are never imported here: an instance
of a class of theirs cannot exist before they are.
"""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, time
from enum import Enum
from typing import Any, NamedTuple

from . import _times
from ._array_likes import as_array
from ._hints import refusal
from ._loaded import instance_of, is_attrs, is_msgspec
from ._refusal import Refused
from ._tables import as_table

TIMESTAMP = -1
BIG_INT = 3
LOCAL_DATETIME = 4


class Extension(NamedTuple):
    """A value that travels as a MessagePack extension: its type and its contents."""

    tag: int
    contents: bytes


def simplify(value: Any) -> Any:
    """One step towards a plain value: a scalar, list, tuple, dict, set or frozenset, exactly, an Extension, an
    Array or a Table.

    Called for what is none of these, and for integers beyond 64 bits. Raises Refused for what is not sent, also if code
    of the value's raises.
    """
    try:
        return _simplify(value)
    except (Refused, MemoryError):
        raise
    except Exception as error:  # a property or __float__ of the user's
        raise Refused(f"reading this {type(value).__name__} raised {type(error).__name__}") from error


def read_extension(tag: int, contents: bytes) -> Any:
    """The value of an extension that holds no other values.

    Raises ValueError for contents that no encoder writes, OverflowError for dates that Python cannot hold.
    """
    if tag == TIMESTAMP:
        return _times.decode_aware(contents)
    if tag == LOCAL_DATETIME:
        return _times.decode_naive(contents)
    if not contents:
        raise ValueError("an integer without bytes")
    return int.from_bytes(contents, "big", signed=True)


def _simplify(value: Any) -> Any:
    if isinstance(value, Enum):  # first: IntEnum and StrEnum members are also int and str
        return value.value
    if type(value) is int:
        bits = (value if value >= 0 else ~value).bit_length() + 1  # one more for the sign
        return Extension(BIG_INT, value.to_bytes((bits + 7) // 8, "big", signed=True))
    if isinstance(value, datetime):
        return _datetime(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    plain: Any
    for plain in (int, float, bytes, list, tuple, dict):
        if isinstance(value, plain):
            return plain(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bytearray, memoryview)):
        if isinstance(value, memoryview) and not value.c_contiguous:
            raise Refused("a memoryview that is not contiguous: send bytes(value)")
        return bytes(value)
    if isinstance(value, set):
        return set(value)
    if isinstance(value, frozenset):
        return frozenset(value)
    if instance_of(value, "numpy", "generic"):
        return _numpy_scalar(value)
    if instance_of(value, "pydantic.root_model", "RootModel"):
        return value.root
    if not isinstance(value, type):
        fields = _fields(value)
        if fields is not None:
            return {name: getattr(value, name) for name in fields}
    for module, names in _AS_TEXT.items():
        if instance_of(value, module, *names):
            return str(value)
    table = as_table(value)
    if table is not None:
        return table
    array = as_array(value)
    if array is not None:
        return array
    raise refusal(value)


_AS_TEXT = {
    "uuid": ("UUID",),
    "decimal": ("Decimal",),
    "pathlib": ("PurePath",),
    "pydantic_core": ("Url", "MultiHostUrl"),
    "pydantic.networks": ("_BaseUrl", "_BaseMultiHostUrl"),
    "yarl": ("URL",),
    "ipaddress": ("IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network"),
}


def _fields(value: Any) -> list[str] | None:
    """The names of the fields of a dataclass, or of what is like one."""
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    if is_attrs(kind):
        return [attribute.name for attribute in kind.__attrs_attrs__]
    if is_msgspec(value):
        return list(kind.__struct_fields__)
    if instance_of(value, "pydantic.main", "BaseModel") and hasattr(kind, "model_fields"):
        return [*kind.model_fields, *(value.model_extra or ())]
    if instance_of(value, "pydantic.main", "BaseModel") or instance_of(value, "pydantic.v1.main", "BaseModel"):
        return list(kind.__fields__)
    return None


def _datetime(value: datetime) -> Extension:
    try:
        if value.utcoffset() is None:
            return Extension(LOCAL_DATETIME, _times.encode_naive(value))
        return Extension(TIMESTAMP, _times.encode_aware(value))
    except (TypeError, ValueError, OverflowError) as error:  # pandas.NaT is a datetime by class only
        raise Refused(f"a {type(value).__name__} that is no point in time: send None") from error


def _numpy_scalar(value: Any) -> Any:
    # The item of a datetime64 is an integer where it counts nanoseconds.
    item = None if instance_of(value, "numpy", "datetime64", "timedelta64") else value.item()
    if type(item) not in (bool, int, float, str, bytes):
        raise refusal(value)
    return item
