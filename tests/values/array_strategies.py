"""Arrays of every dtype that travels, and what arrives of one."""

from __future__ import annotations

from typing import Any

import numpy
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st

ORDERS = ("<", ">")
SCALARS = st.one_of(
    np_st.boolean_dtypes(),
    *(kind(endianness=order) for kind in (np_st.integer_dtypes, np_st.unsigned_integer_dtypes) for order in ORDERS),
    *(np_st.floating_dtypes(endianness=order, sizes=(16, 32, 64)) for order in ORDERS),
    *(np_st.complex_number_dtypes(endianness=order, sizes=(64, 128)) for order in ORDERS),
    *(kind(endianness=order) for kind in (np_st.datetime64_dtypes, np_st.timedelta64_dtypes) for order in ORDERS),
    *(np_st.unicode_string_dtypes(endianness=order, min_len=1, max_len=5) for order in ORDERS),
    np_st.byte_string_dtypes(min_len=1, max_len=5),
    st.integers(1, 5).map(lambda length: numpy.dtype(f"V{length}")),
)
STRUCTURES = st.recursive(SCALARS, lambda inner: np_st.array_dtypes(subtype_strategy=inner, max_size=3), max_leaves=4)
SHAPES = np_st.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """In any memory layout: C or Fortran order, reversed, every other row."""
    dtype = draw(SCALARS if draw(st.booleans()) else STRUCTURES)
    shape = draw(SHAPES)
    if dtype.subdtype is not None:
        dtype = dtype.base
    size = int(numpy.prod(shape, dtype="i8")) * dtype.itemsize
    array = numpy.ndarray(shape, dtype, bytearray(draw(st.binary(min_size=size, max_size=size)) or b""))
    if array.ndim > 1 and draw(st.booleans()):
        array = array.T
    if array.ndim > 0 and draw(st.booleans()):
        array = array[:: draw(st.sampled_from([-1, 2]))]
    return array


def packed(dtype: Any) -> Any:
    """The dtype with which an array arrives."""
    if dtype.names is None:
        return dtype.newbyteorder("<")
    fields = [(name, dtype.fields[name][0]) for name in dtype.names]
    return numpy.dtype([(name, packed(field.base), field.shape) for name, field in fields])


def assert_arrived(arrived: Any, array: Any) -> None:
    """As it was sent: little-endian, packed, in C order; not a bit of it is another, whatever it means."""
    assert isinstance(arrived, numpy.ndarray)
    assert (arrived.dtype, arrived.shape) == (packed(array.dtype), array.shape)
    assert arrived.flags.c_contiguous
    assert not arrived.flags.writeable
    assert arrived.tobytes() == array.astype(packed(array.dtype)).tobytes()
