"""Arrays: what the elements of one are called on the wire, and those that arrive. docs/arrays.md has the table.

NumPy is imported here, and only when an array arrives or is sent that nothing else can read.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple, Union

from .._errors import IpcError

# The name of a dtype, or its fields: (name, dtype) or (name, dtype, shape).
Description = Union[str, "tuple[Any, ...]"]


class Array(NamedTuple):
    """An array on its way: its dtype, its shape and its elements in C order, as an object with the buffer protocol."""

    dtype: Description
    shape: tuple[int, ...]
    data: Any


_missing: str | None = None
"""Why NumPy could not be imported. It is not tried again for every array that arrives."""


def numpy_module() -> Any:
    """NumPy, or None where it cannot be imported."""
    global _missing
    loaded = sys.modules.get("numpy")
    if _missing is None or loaded is not None:
        try:
            import numpy
        except Exception as error:  # of a NumPy that is broken it may be any
            _missing = f"{type(error).__name__}: {error}"
        else:
            return numpy
    return None


def find_ndarray() -> type | None:
    """The class of arrays, or None where NumPy cannot be imported."""
    numpy = numpy_module()
    return None if numpy is None else numpy.ndarray


_dtypes: dict[Description, Any] = {}
_MAX_DTYPES = 256
_MAX_FIELDS = 64
"""Of a structure, with those in it, whose dtype is kept: peers choose what they send."""


def make_dtype(description: Description) -> Any:
    """NumPy's dtype of that name, or of such fields, which have been checked."""
    known = _dtypes.get(description)
    if known is None:
        known = numpy_module().dtype(_numpy_form(description))
        if _count_fields(description) > _MAX_FIELDS:
            return known
        if len(_dtypes) >= _MAX_DTYPES:
            _dtypes.clear()
        _dtypes[description] = known
    return known


def _count_fields(description: Description) -> int:
    return 1 if isinstance(description, str) else sum(_count_fields(field[1]) for field in description)


def _numpy_form(description: Description) -> Any:
    if isinstance(description, str):
        return description
    return [(name, _numpy_form(inner), shape) for name, inner, shape in description]


_FORMATS = {
    **dict(zip(("|b1", "|i1", "<i2", "<i4", "<i8"), "?bhiq")),
    **dict(zip(("|u1", "<u2", "<u4", "<u8"), "BHIQ")),
    **dict(zip(("<f2", "<f4", "<f8"), "efd")),
}


def without_numpy(description: Description, shape: tuple[int, ...], data: Any) -> memoryview[Any]:
    """An array as a memoryview, if that has a format for its elements. Raises IpcError('failed_precondition')."""
    code: Any = _FORMATS.get(description) if isinstance(description, str) else None
    try:
        if code is not None:
            return memoryview(data).cast(code, shape)
    except (TypeError, ValueError):  # an empty array of several dimensions, or a format of a later Python
        pass
    what = description if isinstance(description, str) else "a structure"
    raise IpcError(
        "failed_precondition",
        f"an array of dtype {what} and shape {shape} arrived, and NumPy cannot be imported ({_missing}): "
        "pip install numpy",
    )
