"""What travels as an array: NumPy's, and whatever gives its memory to others by one of the usual protocols."""

from __future__ import annotations

import math
import sys
from typing import Any

from ._array_dtypes import describe_dtype, pack
from ._arrays import Array, numpy_module
from ._loaded import instance_of
from ._refusal import Refused

# Of the buffer protocol, by kind: NumPy's and ctypes' formats agree in nothing else.
_KINDS = {"?": "b", **dict.fromkeys("bhilqn", "i"), **dict.fromkeys("BHILQN", "u"), **dict.fromkeys("efd", "f")}
_KINDS.update({"Zf": "c", "Zd": "c", "c": "S", "s": "S", "w": "U", "u": "U"})
_NUMBERS = {
    *("|b1", "|i1", "|u1", "<i2", "<i4", "<i8", "<u2", "<u4", "<u8"),
    *("<f2", "<f4", "<f8", "<c8", "<c16"),
}
_CPU, _PINNED = 1, 3
"""DLPack's kDLCPU and kDLCUDAHost, whose memory is the CPU's as well."""


def as_array(value: Any) -> Array | None:
    """`value` as an array; None when it is nothing of the kind. Raises Refused for those that cannot be sent."""
    if instance_of(value, "numpy", "ndarray"):
        return _of_numpy(value)
    if instance_of(value, "torch", "Tensor"):
        return _of_dlpack(value)
    try:
        view = memoryview(value)
    except TypeError:
        pass
    else:
        return _of_buffer(value, view)
    kind = type(value)
    if hasattr(kind, "__array_interface__"):
        return _of_interface(value)
    is_column = instance_of(value, "pyarrow", "Array")  # which may have values that are missing
    if not is_column and hasattr(kind, "__dlpack__") and hasattr(kind, "__dlpack_device__"):
        return _of_dlpack(value)
    return None


def _of_numpy(value: Any) -> Array:
    numpy = numpy_module()  # which has been imported already
    if instance_of(value, "numpy.ma", "MaskedArray"):
        raise Refused("a masked array: send value.tolist(), with None for what is masked, or value.filled(0)")
    array = numpy.asarray(value)  # of a subclass what it is a view of
    dtype = describe_dtype(array.dtype)
    array = array.astype(pack(array.dtype), order="C", copy=False)
    return Array(dtype, array.shape, array.reshape(-1).view(numpy.uint8))


def _of_buffer(value: Any, view: Any) -> Array | None:
    order, code = view.format[:1], view.format
    if order in ("@", "=", "<", ">", "!"):
        code = code[1:]
    if order in (">", "!") and view.itemsize == 1:
        order = "<"
    kind = _KINDS.get(code.lstrip("0123456789"), "")
    size = view.itemsize // 4 if kind == "U" else view.itemsize
    dtype = f"{'|' if view.itemsize == 1 or kind == 'S' else '<'}{kind}{size}"
    is_known = dtype in _NUMBERS or (kind in ("S", "U") and size > 0)
    if order in (">", "!") or not is_known:
        numpy = _needs_numpy(value)
        if instance_of(value, "ctypes", "Array", "Structure", "Union"):  # whose formats do not tell of padding
            return _of_numpy(numpy.ndarray(view.shape, numpy.dtype(_ctype_of(type(value))), value))
        array = numpy.asarray(value)
        return None if array.dtype.kind == "O" else _of_numpy(array)  # of pointers, for instance
    return Array(dtype, view.shape, view if view.c_contiguous else view.tobytes())


def _ctype_of(kind: Any) -> Any:
    """What the elements of an array of ctypes are."""
    is_array = issubclass(kind, sys.modules["ctypes"].Array)
    return _ctype_of(kind._type_) if is_array else kind


def _of_interface(value: Any) -> Array:
    given = value.__array_interface__
    dtype, shape, data = given["typestr"], given["shape"], given.get("data")
    is_whole = isinstance(data, bytes) and given.get("strides") is None and not given.get("offset")
    if is_whole and dtype in _NUMBERS and len(data) == int(dtype[2:]) * math.prod(shape):
        return Array(dtype, tuple(shape), data)
    numpy = _needs_numpy(value)
    if data is None or isinstance(data, tuple):  # an address
        return _of_numpy(numpy.asarray(value))
    fields = given.get("descr") if dtype[1] == "V" else None
    # NumPy reads beyond the end of these where they are shorter than the shape says; with `buffer` it looks.
    return _of_numpy(
        numpy.ndarray(shape, fields or dtype, buffer=data, offset=given.get("offset", 0), strides=given.get("strides"))
    )


def _of_dlpack(value: Any) -> Array:
    name = type(value).__name__
    if getattr(value, "requires_grad", False):
        raise Refused(f"a {name} that requires grad: send value.detach()")
    device, _ = value.__dlpack_device__()
    if device not in (_CPU, _PINNED):
        raise Refused(f"a {name} on another device than the CPU: send {_on_cpu(value)}")
    numpy = _needs_numpy(value)
    read = getattr(numpy, "from_dlpack", None) or numpy._from_dlpack  # NumPy 1.22 has the latter
    try:
        array = read(value)
    except Exception as error:
        raise Refused(f"a {name} that does not give its memory ({error}): send {_as_floats(value)}") from error
    return _of_numpy(array)


def _on_cpu(value: Any) -> str:
    if hasattr(value, "cpu"):
        return "value.cpu()"
    return "value.get()" if hasattr(value, "get") else "numpy.asarray(value)"


def _as_floats(value: Any) -> str:
    """What makes memory that NumPy knows, of a tensor of bfloat16, a sparse one or a lazily conjugated one."""
    if instance_of(value, "torch", "Tensor"):
        if value.is_sparse or value.layout is not sys.modules["torch"].strided:
            return "value.to_dense()"
        if value.is_conj() or value.is_neg():
            return "value.resolve_conj().resolve_neg()"
        return "value.float()"
    return "numpy.asarray(value)"


def _needs_numpy(value: Any) -> Any:
    numpy = numpy_module()
    if numpy is None:
        raise Refused(
            f"a {type(value).__name__}, whose elements only NumPy reads, which cannot be imported: pip install numpy",
            code="failed_precondition",
        )
    return numpy
