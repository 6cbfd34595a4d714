"""Arrays on their way through the codec: every dtype, in every layout of memory."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import numpy
import pytest
from array_strategies import arrays, assert_arrived
from hypothesis import HealthCheck, given, settings
from travel import refused, travel

from ipcbridge._errors import IpcError
from ipcbridge._values import decode, decode_args, encode_args, encode_result


@given(arrays())
@settings(max_examples=500, deadline=None)
def test_any_array_arrives_as_it_was(array: Any) -> None:
    assert_arrived(travel(array), array)


@given(arrays(), arrays())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_arrays_stand_wherever_values_do(first: Any, second: Any) -> None:
    args, kwargs = decode_args(encode_args((first, {"a": [second]}), {"k": second}))
    assert_arrived(args[0], first)
    assert_arrived(args[1]["a"][0], second)
    assert_arrived(kwargs["k"], second)


def test_what_arrives_shares_nothing_with_the_message() -> None:
    data = bytearray(encode_result(numpy.arange(3)))
    arrived = decode(data)
    data[-8:] = b"\xff" * 8
    assert arrived.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="read-only"):
        arrived[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        arrived.flags.writeable = True


def test_the_elements_of_a_small_array_are_aligned() -> None:
    for count in range(20):
        assert decode(encode_result(["x" * count, numpy.arange(count, dtype="c16")]))[1].flags.aligned


def test_subclasses_arrive_as_arrays(tmp_path: Any) -> None:
    mapped = numpy.memmap(tmp_path / "file", "f4", "w+", shape=(2, 2))
    mapped[:] = [[1, 2], [3, 4]]
    with pytest.warns(PendingDeprecationWarning):
        matrix = numpy.matrix([[1, 2]])
    records = numpy.rec.array([(1, 2.5)], names="x,y")
    for value in (mapped, matrix, records):
        arrived = travel(value)
        assert type(arrived) is numpy.ndarray
        assert arrived.tolist() == value.tolist()
    assert travel(records)["y"].tolist() == [2.5]


def test_padding_of_structures_is_not_sent() -> None:
    array = numpy.zeros(1000, numpy.dtype([("a", "i1"), ("b", "f8")], align=True))
    assert array.dtype.itemsize == 16
    assert len(encode_result(array)) < 9100
    odd = numpy.dtype({"names": ["b", "a"], "formats": [">i2", "u1"], "offsets": [4, 0], "itemsize": 8})
    assert travel(numpy.array([(258, 3)], odd)).tolist() == [(258, 3)]


def test_a_large_array_is_neither_level_nor_weight() -> None:
    deep: Any = numpy.zeros(9_000_000, "u1")
    for _ in range(128):
        deep = [deep]
    arrived = decode(encode_result(deep))
    for _ in range(128):
        (arrived,) = arrived
    assert arrived.shape == (9_000_000,)


def test_as_many_arrays_travel_as_weigh_enough() -> None:
    array = numpy.zeros(0)
    most = (2**23 - 4) // 18
    assert len(decode(encode_result([array] * most))) == most
    with pytest.raises(IpcError) as caught:
        encode_result([array] * (most + 1))
    assert caught.value.code == "resource_exhausted"


def test_arrays_of_more_dimensions_than_numpy_has_are_told_of() -> None:
    data = encode_result(numpy.zeros([1] * 30, "u1"))
    at = data.index(b"\xdc\x00\x1e")
    most = numpy.zeros(0).reshape([0] + [1] * (32 - 1)).ndim if numpy.__version__ < "2" else 64
    longer = bytearray(data)
    longer[at : at + 3] = b"\xdc\x00" + bytes([most])
    longer[at + 3 : at + 3] = b"\x01" * (most - 30)
    longer[2 if longer[0] == 0xC8 else 1] += most - 30
    assert decode(longer).ndim == most


def test_an_array_that_another_thread_writes_to_is_sent_somehow() -> None:
    array = numpy.zeros(200_000, "i8")
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            array[:] = number
            array.resize(200_000 + number % 7, refcheck=False)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(200):
            assert decode(encode_result(array)).dtype == "i8"
    finally:
        done.set()
        writer.join()


def test_arrays_are_no_keys() -> None:
    data = encode_result({(1, 2)})
    array = encode_result(numpy.zeros(1))
    for message in (
        bytes([0xC7, len(array) + 1, 2, 0x91]) + array,
        bytes([0xC7, len(array) + 2, 1, 0x92]) + array + b"\xc0",
    ):
        with pytest.raises(IpcError) as caught:
            decode(message)
        assert caught.value.code == "invalid_argument"
    assert decode(data) == {(1, 2)}


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_numpy_is_imported_by_the_first_array_that_arrives() -> None:
    assert (
        run(
            "import sys, array, ctypes\n"
            "from ipcbridge._values import decode, encode_result\n"
            "data = encode_result([array.array('d', [1.5]), (ctypes.c_int * 2)(3, 4), array.array('i')])\n"
            "class Image: __array_interface__ = dict(version=3, typestr='|u1', shape=(1, 2), data=b'ab')\n"
            "image = encode_result(Image())\n"
            "assert 'numpy' not in sys.modules\n"
            "print([each.tolist() for each in decode(data)], decode(image).tolist(), 'numpy' in sys.modules)\n"
        )
        == "[[1.5], [3, 4], []] [[97, 98]] True\n"
    )


WITHOUT_NUMPY = """
import array, ctypes, sys
sys.modules['numpy'] = None
from ipcbridge._errors import IpcError
from ipcbridge._values import decode, encode_result
def code(act):
    try: return act()
    except IpcError as error: return error.code, str(error)
"""


def test_without_numpy_arrays_arrive_as_memoryviews() -> None:
    arrays = [numpy.array(values, dtype) for values, dtype in [([1, 2], "i8"), ([[1.5], [2]], "f4"), (True, "?")]]
    printed = run(
        f"{WITHOUT_NUMPY}\n"
        f"for data in {[encode_result(array) for array in arrays]!r}:\n"
        "    arrived = decode(data)\n"
        "    print(type(arrived).__name__, arrived.format, arrived.shape, arrived.tolist(), arrived.readonly)\n"
    )
    assert printed == (
        "memoryview q (2,) [1, 2] True\n"
        "memoryview f (2, 1) [[1.5], [2.0]] True\n"
        "memoryview ? () True True\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    "array", [numpy.zeros(1, "c8"), numpy.zeros((0, 3)), numpy.zeros(1, "M8[s]"), numpy.zeros(1, "i4,f8")], ids=str
)
def test_without_numpy_other_arrays_name_what_to_install(array: Any) -> None:
    printed = run(f"{WITHOUT_NUMPY}\nprint(code(lambda: decode({encode_result(array)!r})))\nprint(decode(b'\\x01'))")
    assert printed.startswith("('failed_precondition', ")
    assert "pip install numpy" in printed
    assert printed.endswith("\n1\n")


def test_without_numpy_arrays_are_sent_that_others_read() -> None:
    printed = run(
        f"{WITHOUT_NUMPY}\n"
        "print(decode(encode_result(array.array('h', [1, -2]))).tolist())\n"
        "print(code(lambda: encode_result({'a': (ctypes.c_int.__ctype_be__ * 2)(1, 2)})))\n"
    )
    assert printed.startswith("[1, -2]\n('failed_precondition', 'result.a cannot be sent: a c_int_be_Array_2")
    assert "pip install numpy" in printed


def test_a_numpy_that_cannot_be_imported_is_told_of(tmp_path: Any) -> None:
    (tmp_path / "numpy.py").write_text("raise RuntimeError('built for another CPU')")
    data = encode_result(numpy.zeros(1, "c8"))
    printed = run(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from ipcbridge._errors import IpcError\n"
        "from ipcbridge._values import decode\n"
        f"try: decode({data!r})\n"
        "except IpcError as error: print(error.code, error)\n"
    )
    assert printed.startswith("failed_precondition ")
    assert "RuntimeError: built for another CPU" in printed


def test_scalars_stay_what_they_were() -> None:
    assert travel(numpy.float32(0.5)) == 0.5
    assert "send [value.real.item()" in refused(numpy.complex64(1))
