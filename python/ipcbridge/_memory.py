"""Memory that is sent without a copy."""

from __future__ import annotations

import math
import operator

from . import _native
from ._errors import IpcError
from ._shown import shown
from ._typing import Any, cast, overload


@overload
def alloc(shape: int, dtype: None = None) -> memoryview: ...
@overload
def alloc(shape: int | tuple[int, ...], dtype: Any) -> Any: ...
def alloc(shape: int | tuple[int, ...], dtype: Any = None) -> Any:
    """Memory that is sent without a copy to whoever it is sent to first, and by one copy to others.

    So many bytes, as a memoryview, or a numpy.ndarray of that shape. It is not filled: it shows what this program has
    sent before, or zeros. What is stored there while the other side has it, that may see. It is free again when nothing
    refers to it here, and the other side has let it go.

    Raises IpcError: invalid_argument for what is no size, shape or dtype, failed_precondition where a dtype is given
    and NumPy is not installed, resource_exhausted where there is no memory. Any thread may call it.
    """
    if dtype is None:
        return _allocate(_size(shape))
    try:
        import numpy
    except ImportError as error:
        raise IpcError("failed_precondition", "alloc() of an array needs NumPy: pip install numpy") from error
    try:
        kind = numpy.dtype(dtype)
    except (TypeError, ValueError) as error:
        raise IpcError("invalid_argument", f"alloc(): {error}") from error
    if kind.hasobject:
        raise IpcError(
            "invalid_argument", f"alloc(): elements of {kind} are objects of Python, which memory cannot hold"
        )
    dimensions = tuple(_size(each) for each in shape) if isinstance(shape, (tuple, list)) else (_size(shape),)
    return numpy.ndarray(dimensions, kind, _allocate(math.prod(dimensions) * kind.itemsize))


def _allocate(size: int) -> memoryview:
    return memoryview(cast("bytearray", _native.allocate(size)))  # what has the buffer protocol, until Python 3.12


def _size(value: Any) -> int:
    try:
        size = operator.index(value)
    except TypeError:
        size = -1
    if size < 0:
        raise IpcError(
            "invalid_argument", f"alloc() takes a number of bytes, or a shape and a dtype, not {shown(value)}"
        )
    return size


def release(array: Any) -> bool:
    """Gives the memory of an array that has arrived back now. False when this is no array of the library's."""
    owner = array
    while owner is not None and type(owner) is not _native.Memory:
        owner = owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)
    if owner is None:
        return False
    owner.release()
    return True
