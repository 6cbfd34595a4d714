"""What a Python value that MessagePack does not know travels as, and the hints for what does not travel."""

from __future__ import annotations

import collections.abc
import dataclasses
import sys
import types
from array import array
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from .. import _later
from .._errors import Code
from . import _times
from ._wire import BIG_INT, LOCAL_DATETIME, TIMESTAMP, Extension


class Refused(Exception):
    """A value has no form on the wire. Each container on the way out adds its step, the innermost first."""

    def __init__(self, reason: str, *, too_deep: bool = False, later: bool = False) -> None:
        super().__init__(reason)
        self.too_deep = too_deep
        self.code: Code = "unimplemented" if later else "invalid_argument"
        self.steps: list[str] = []
        self.holders: list[object] = []

    def inside(self, step: str, holder: object) -> Refused:
        self.steps.append(step)
        self.holders.append(holder)
        return self


def simplify(value: Any) -> Any:
    """One step towards a plain value: exactly int, float, str, bytes, list, tuple, dict, or an Extension.

    Called for what is none of these (nor None, bool, set, frozenset), and for integers that MessagePack cannot hold.
    """
    if isinstance(value, Enum):  # first: IntEnum and StrEnum members are also int and str
        return value.value
    if type(value) is int:
        bits = (value if value >= 0 else ~value).bit_length() + 1  # one more for the sign
        return Extension(BIG_INT, value.to_bytes((bits + 7) // 8, "big", signed=True))
    if isinstance(value, datetime):
        return _datetime(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (UUID, Decimal)):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    plain: Any
    for plain in (int, float, bytes, list, tuple, dict):
        if isinstance(value, plain):
            return plain(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bytearray, memoryview)):
        if isinstance(value, memoryview) and not value.c_contiguous:
            raise Refused("a memoryview that is not contiguous: send bytes(view)")
        return bytes(value)
    numpy = sys.modules.get("numpy")  # never imported for the user: without it there are no numpy values
    if numpy is not None and isinstance(value, numpy.generic):
        return _numpy_scalar(value)
    raise _refused(value, numpy)


def _datetime(value: datetime) -> Extension:
    try:
        if value.utcoffset() is None:
            return Extension(LOCAL_DATETIME, _times.encode_naive(value))
        return Extension(TIMESTAMP, _times.encode_aware(value))
    except (TypeError, ValueError, OverflowError) as error:  # pandas.NaT is a datetime by class only
        raise Refused(f"a {type(value).__name__} that is no point in time") from error


def _numpy_scalar(value: Any) -> Any:
    item = value.item()
    if type(item) not in (bool, int, float, str, bytes):
        raise Refused(f"a numpy.{type(value).__name__}: convert it to a Python value first")
    return item


def _refused(value: object, numpy: types.ModuleType | None) -> Refused:
    reason = _comes_later(value, numpy)
    return Refused(_why_never(value)) if reason is None else Refused(reason, later=True)


def _comes_later(value: object, numpy: types.ModuleType | None) -> str | None:
    name = type(value).__name__
    if isinstance(value, BaseException):
        return f"an exception ({name}): {_later.EXCEPTIONS}"
    if (numpy is not None and isinstance(value, numpy.ndarray)) or isinstance(value, array):
        return f"an array ({name}): {_later.ARRAYS}; send value.tolist()"
    if isinstance(value, (type, collections.abc.Awaitable)):
        return None
    if isinstance(value, (collections.abc.Iterator, collections.abc.AsyncIterable)):
        return f"an iterator ({name}): {_later.STREAMS}; send a list"
    if callable(value) and not hasattr(type(value), "__iter__"):
        return f"a function ({name}): {_later.CALLBACKS}"
    return None


def _why_never(value: object) -> str:
    name = type(value).__name__
    if isinstance(value, type):
        return f"a class ({value.__name__})"
    if isinstance(value, timedelta):
        return "a timedelta: send value.total_seconds()"
    if isinstance(value, complex):
        return "a complex number: send [value.real, value.imag]"
    if isinstance(value, collections.abc.Awaitable):
        return f"a {name}: await it first"
    if isinstance(value, collections.abc.Mapping):
        return f"a {name}: send dict(value)"
    if isinstance(value, collections.abc.Iterable):
        return f"a {name}: send list(value)"
    return f"an instance of {name}: send a dict or a dataclass"
