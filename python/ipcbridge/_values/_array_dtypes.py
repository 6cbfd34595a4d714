"""NumPy's dtypes by their names on the wire."""

from __future__ import annotations

from typing import Any

from ._arrays import Description, numpy_module
from ._refusal import Refused

_MAX_DEPTH = 128


def describe_dtype(dtype: Any) -> Description:
    """Its description on the wire. Raises Refused, with what to send instead of the array that has it."""
    if dtype.itemsize == 0:
        raise Refused("an array of elements without any bytes: send value.tolist()")
    if dtype.names is None:
        refusal = _refusal(dtype)
        if refusal is not None:
            raise Refused(f"an array of {refusal[0]}: send {refusal[1]}")
    return _describe(dtype, 0)


def pack(dtype: Any) -> Any:
    """The same dtype little-endian, with the fields of structures one behind the other, in their order."""
    if dtype.subdtype is not None:
        inner, shape = dtype.subdtype
        return numpy_module().dtype((pack(inner), shape))
    if dtype.names is None:
        return dtype.newbyteorder("<")
    return numpy_module().dtype([(name, pack(dtype.fields[name][0])) for name in dtype.names])


def _describe(dtype: Any, depth: int) -> Description:
    if dtype.names is None:
        return str(dtype.newbyteorder("<").str)
    if depth == _MAX_DEPTH:
        raise Refused(f"an array whose fields nest more than {_MAX_DEPTH} levels deep: send value.tolist()")
    return tuple(_describe_field(name, dtype.fields[name][0], depth) for name in dtype.names)


def _describe_field(name: str, dtype: Any, depth: int) -> tuple[Any, ...]:
    inner, shape = (dtype, ()) if dtype.subdtype is None else dtype.subdtype
    if not name or inner.itemsize == 0 or 0 in shape:
        raise Refused(f"an array whose field {name!r} has no name, or no bytes: send value.tolist()")
    refusal = _refusal(inner) if inner.names is None else None
    if refusal is not None:
        what, instead = refusal
        if instead != "value.tolist()":
            instead = "{name: value[name] for name in value.dtype.names}"  # for which there is advice then
        raise Refused(f"an array of structures whose field {name!r} holds {what}: send {instead}")
    described = _describe(inner, depth + 1)
    return (name, described, tuple(shape)) if shape else (name, described)


def _refusal(dtype: Any) -> tuple[str, str] | None:
    """What the elements are, and what to send instead of the array."""
    if dtype.kind == "O":
        return "Python objects", "value.tolist()"
    if dtype.kind == "T":
        return "strings of any length (StringDType)", "value.tolist()"
    if dtype.char == "G" and dtype.itemsize > 16:
        return "long complex numbers, which only C has", "value.astype('complex128')"
    if dtype.char == "g" and dtype.itemsize > 8:
        return "long doubles, which only C has", "value.astype('float64')"
    if dtype.type.__module__ != "numpy":
        return f"{dtype}, a dtype of another package's", "value.astype('float32')"
    return None
