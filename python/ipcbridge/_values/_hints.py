"""What to write instead of a value that is not sent: advice that works for a value of that very type."""

from __future__ import annotations

import collections.abc
import io
import os
import types
from datetime import timedelta, tzinfo
from fractions import Fraction

from .. import _unimplemented
from .._typing import Any
from ._loaded import instance_of
from ._refusal import Refused

# Of each package: the classes, and what to send instead of an instance.
_PACKAGES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("pandas.core.groupby", ("DataFrameGroupBy",), "send [[key, group.to_dict('records')] for key, group in value]"),
    ("pandas.core.groupby", ("SeriesGroupBy",), "send [[key, group.to_list()] for key, group in value]"),
    ("pandas", ("Interval",), "send [value.left, value.right]"),
    ("pandas", ("Period",), "send str(value)"),
    ("polars", ("LazyFrame",), "send value.collect()"),
    ("pyarrow", ("Array", "ChunkedArray"), "send pyarrow.table({'values': value})"),
    ("pyarrow", ("Scalar",), "send value.as_py()"),
    ("numpy", ("complexfloating",), "send [value.real.item(), value.imag.item()]"),
    ("numpy", ("longdouble",), "send float(value)"),
    ("numpy", ("datetime64",), "send value.astype('datetime64[us]').item()"),
    ("numpy", ("timedelta64",), "send value.astype('timedelta64[us]').item().total_seconds()"),
    ("numpy", ("generic",), "send value.item()"),
    ("pydantic.types", ("Secret", "SecretStr", "SecretBytes"), "send value.get_secret_value()"),
    ("sqlite3", ("Row",), "send dict(value)"),
    ("re", ("Pattern",), "send value.pattern"),
    ("re", ("Match",), "send value.group()"),
    ("collections", ("UserString",), "send str(value)"),
)


def refusal(value: Any) -> Refused:
    """The reason that says what it is and what to send."""
    name = type(value).__name__
    if isinstance(value, BaseException):
        reason = f"an exception ({name}): {_unimplemented.EXCEPTIONS}; send str(value)"
        return Refused(reason, code="unimplemented")
    if instance_of(value, "pyarrow", "RecordBatchReader"):
        return Refused(f"a {name}, which is read once: send value.read_all()")
    streamed = _as_stream(value, name)
    if streamed is not None:
        return Refused(streamed)
    if _is_missing(value):
        return Refused(f"a {name}, which stands for a missing value: send None")
    data = pandas_advice(value)
    if data is not None:
        return Refused(f"a {name}: send {data}")
    for module, names, advice in _PACKAGES:
        if instance_of(value, module, *names):
            return Refused(f"a {name}: {advice}")
    return Refused(_of_python(value, name))


def _as_stream(value: Any, name: str) -> str | None:
    if isinstance(value, io.IOBase):
        contents = "value.getvalue()" if isinstance(value, (io.BytesIO, io.StringIO)) else "value.read()"
        return f"a file ({name}), a stream of lines as ipc.stream(value) only: send {contents}"
    if isinstance(value, (type, collections.abc.Awaitable)):
        return None
    if isinstance(value, collections.abc.AsyncIterable):
        return f"an iterator ({name}), a stream as ipc.stream(value) only: send [item async for item in value]"
    if isinstance(value, collections.abc.Iterator):
        return f"an iterator ({name}), a stream as ipc.stream(value) only: send list(value)"
    return None


def _is_missing(value: Any) -> bool:
    if instance_of(value, "numpy", "datetime64", "timedelta64"):
        return bool(value != value)  # only NaT differs from itself
    return instance_of(value, "pandas._libs.missing", "NAType")


def pandas_advice(value: Any) -> str | None:
    """What makes plain values of the data of pandas, with None for those that are missing."""
    if instance_of(value, "pandas.api.extensions", "ExtensionArray"):
        return f"value.{'to_numpy(object, na_value=None).' if _misses_some(value) else ''}tolist()"
    if instance_of(value, "pandas", "DataFrame"):
        misses_some, convert = any(_misses_some(column) for _, column in value.items()), "to_dict('records')"
    elif instance_of(value, "pandas", "Series", "Index"):
        misses_some, convert = _misses_some(value), "to_list()"
    else:
        return None
    return f"value.{'astype(object).where(value.notna(), None).' if misses_some else ''}{convert}"


def _misses_some(values: Any) -> bool:
    """The NaN of plain floats can be sent."""
    return not instance_of(values, "pandas", "MultiIndex") and values.dtype != float and bool(values.isna().any())


def _of_python(value: Any, name: str) -> str:
    if isinstance(value, type):
        return f"a class ({value.__name__})"
    if isinstance(value, types.ModuleType):
        return f"a module ({value.__name__})"
    if isinstance(value, timedelta):
        return "a timedelta: send value.total_seconds()"
    if isinstance(value, tzinfo):
        return f"a {name}: send str(value)"
    if isinstance(value, complex):
        return "a complex number: send [value.real, value.imag]"
    if isinstance(value, Fraction):
        return "a Fraction: send str(value)"
    if isinstance(value, slice):
        return "a slice: send [value.start, value.stop, value.step]"
    if isinstance(value, os.PathLike):
        return f"a {name}: send os.fspath(value)"
    if isinstance(value, types.SimpleNamespace) or instance_of(value, "argparse", "Namespace"):
        return f"a {name}: send vars(value)"
    if isinstance(value, collections.abc.Awaitable):
        return f"a {name}: await it first"
    if isinstance(value, collections.abc.Mapping):
        return f"a {name}: send dict(value)"
    if hasattr(type(value), "__array__"):
        return f"a {name}, which can be made an array: send numpy.asarray(value)"
    if isinstance(value, collections.abc.Iterable):
        return f"a {name}: send list(value)"
    if callable(value):
        return f"an instance of {name}, which can be called: send value.__call__"
    return f"an instance of {name}: send a dict or a dataclass, or by reference ipc.proxy(value)"
