"""Values and errors as JSON, for the harness to judge; telling.mjs tells the same of JavaScript's."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
from datetime import datetime, timezone
from typing import Any

import numpy
from value_notation import CLOCK_EPOCH, EPOCH, MICROSECOND

_CANCELLED = (asyncio.CancelledError, concurrent.futures.CancelledError)


def tell(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"int": str(value)}
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, bytes):
        return {"bytes": value.hex()} if len(value) <= 1024 else {"length": len(value), "sum": sum(value)}
    if isinstance(value, (list, tuple)):
        return [tell(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return {"set": _ordered(tell(item) for item in value)}
    if isinstance(value, dict):
        kind = "object" if all(isinstance(key, str) for key in value) else "map"
        return {kind: _ordered([tell(key), tell(item)] for key, item in value.items())}
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return {"clock": str((value - CLOCK_EPOCH) // MICROSECOND)}
        return {"instant": str((value.astimezone(timezone.utc) - EPOCH) // MICROSECOND * 1000)}
    if isinstance(value, numpy.ndarray):
        return {"array": [_tell_dtype(value.dtype), list(value.shape), value.tobytes().hex()]}
    raise TypeError(f"nothing that was expected: {type(value).__name__}")


def _tell_dtype(dtype: Any) -> Any:
    if dtype.names is None:
        return dtype.str if dtype.kind in "USV" else dtype.name
    fields = [(name, dtype.fields[name][0]) for name in dtype.names]
    return [[name, _tell_dtype(field.base), *([list(field.shape)] if field.shape else [])] for name, field in fields]


def _ordered(items: Any) -> list[Any]:
    return sorted(items, key=lambda item: json.dumps(item))


def tell_error(error: BaseException) -> dict[str, Any]:
    told = {
        "name": type(error).__name__,
        "classes": [cls.__name__ for cls in type(error).__mro__],
        "code": "cancelled" if isinstance(error, _CANCELLED) else getattr(error, "code", None),
        "message": getattr(error, "message", str(error)),
        "type": getattr(error, "type", None),
        "stack": getattr(error, "remote_traceback", None),
        "sent": getattr(error, "sent", None),
        "details": tell(getattr(error, "details", None)),
        "attributes": tell(getattr(error, "attributes", {})),
        "errors": [tell_error(member) for member in getattr(error, "errors", ())],
    }
    if error.__cause__ is not None:
        told["cause"] = tell_error(error.__cause__)
    return told
