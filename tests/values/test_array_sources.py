"""What is sent as an array besides NumPy's own, what is refused, and that the advice works for that very value."""

from __future__ import annotations

import array
import ctypes
import mmap
import re
import sys
import types
from typing import Any

import numpy
import pytest
from travel import refused, travel

from ipcbridge._values import decode, encode_result

STRINGS = getattr(getattr(numpy, "dtypes", None), "StringDType", None)  # since NumPy 2


class Point(ctypes.Structure):
    _fields_ = [("flag", ctypes.c_byte), ("x", ctypes.c_double)]


class Packed(ctypes.BigEndianStructure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("flag", ctypes.c_byte), ("x", ctypes.c_int)]


@pytest.mark.parametrize("code", "bBhHiIlLqQfd")
def test_an_array_of_the_standard_library(code: str) -> None:
    arrived = travel(array.array(code, [1, 2, 3]))
    assert arrived.tolist() == [1, 2, 3]
    assert arrived.dtype == numpy.dtype(code)


@pytest.mark.parametrize(
    ("value", "dtype", "items"),
    [
        ((ctypes.c_int * 3)(1, 2, 3), "i4", [1, 2, 3]),
        (((ctypes.c_double * 2) * 2)((1, 2), (3, 4)), "f8", [[1, 2], [3, 4]]),
        ((ctypes.c_bool * 2)(True, False), "?", [True, False]),
        ((ctypes.c_long * 1)(-5), "i8", [-5]),
        ((ctypes.c_uint16.__ctype_be__ * 2)(1, 258), "u2", [1, 258]),
        ((ctypes.c_char * 2)(b"a", b"b"), "S1", [b"a", b"b"]),
        (ctypes.c_int(7), "i4", 7),
        (Point(1, 2.5), [("flag", "i1"), ("x", "f8")], (1, 2.5)),
        ((Point * 2)((1, 2.5), (3, 4)), [("flag", "i1"), ("x", "f8")], [(1, 2.5), (3, 4)]),
        (Packed(1, 2), [("flag", "i1"), ("x", "<i4")], (1, 2)),
        (array.array("u", "hé"), "U1", ["h", "é"]),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.filterwarnings("ignore:The 'u' type code is deprecated")
def test_what_has_the_buffer_protocol(value: Any, dtype: Any, items: Any) -> None:
    arrived = travel(value)
    assert arrived.dtype == numpy.dtype(dtype)
    assert arrived.tolist() == items


def test_mapped_memory_is_an_array_of_bytes() -> None:
    with mmap.mmap(-1, 4096) as memory:
        memory[:3] = b"abc"
        assert travel(memory)[:3].tolist() == [97, 98, 99]


def test_bytes_stay_bytes() -> None:
    values = [b"ab", bytearray(b"ab"), memoryview(b"ab"), memoryview(array.array("h", [0x6261]))]
    assert [travel(value) for value in values] == [b"ab"] * 4


class Picture:
    """As Pillow's, in whatever memory."""

    def __init__(self, **interface: Any) -> None:
        self.interface = interface

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return {"version": 3, **self.interface}


class TestArrayInterface:
    def test_with_bytes(self) -> None:
        arrived = travel(Picture(typestr="|u1", shape=(2, 1, 3), data=b"abcdef", strides=None))
        assert arrived.tolist() == [[[97, 98, 99]], [[100, 101, 102]]]

    def test_with_bytes_in_another_order(self) -> None:
        assert travel(Picture(typestr=">u2", shape=(2,), data=b"\0\1\1\0")).tolist() == [1, 256]
        assert travel(Picture(typestr="|u1", shape=(2,), data=b"abc", strides=(2,))).tolist() == [97, 99]
        assert travel(Picture(typestr="|u1", shape=(2,), data=b"abc", offset=1)).tolist() == [98, 99]

    def test_with_an_address(self) -> None:
        memory = numpy.arange(6.0).reshape(2, 3)
        assert travel(Picture(**memory.T.__array_interface__)).tolist() == memory.T.tolist()

    def test_with_too_few_bytes(self) -> None:
        assert "reading this Picture raised" in refused([Picture(typestr="|u1", shape=(4,), data=b"abc")])
        assert "reading this Picture raised KeyError" in refused([Picture(typestr="|u1")])


class Tensor:
    """As PyTorch's, in the memory of an array."""

    def __init__(self, data: Any, device: int = 1, requires_grad: bool = False) -> None:
        self.data = data
        self.device = device
        self.requires_grad = requires_grad

    def __dlpack__(self, **options: Any) -> Any:
        if self.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (self.device, 0)

    def detach(self) -> Tensor:
        return Tensor(self.data, self.device)

    def cpu(self) -> Tensor:
        return Tensor(self.data, 1, self.requires_grad)


class Cupy(Tensor):
    cpu = property()  # type: ignore[assignment]

    def get(self) -> Any:
        return self.data


class TestDlpack:
    def test_on_the_cpu(self) -> None:
        arrived = travel(Tensor(numpy.arange(6, dtype="f4").reshape(2, 3).T))
        assert arrived.dtype == "f4"
        assert arrived.tolist() == [[0, 3], [1, 4], [2, 5]]
        assert travel(Tensor(numpy.arange(2), device=3)).tolist() == [0, 1]

    def test_what_is_not_given_is_refused(self) -> None:
        class Odd(Tensor):
            def __dlpack__(self, **_: Any) -> Any:
                raise BufferError("of bfloat16")

            def __array__(self, *_: Any, **__: Any) -> Any:
                return numpy.zeros(2)

        assert "a Odd that does not give its memory (of bfloat16)" in advised(Odd(numpy.zeros(2)))

    @pytest.mark.parametrize("loaded", [False, True], ids=["by its protocol", "by its class"])
    def test_of_a_package(self, monkeypatch: pytest.MonkeyPatch, loaded: bool) -> None:
        torch = types.ModuleType("torch")
        torch.Tensor = Tensor  # type: ignore[attr-defined]
        if loaded:
            monkeypatch.setitem(sys.modules, "torch", torch)
        assert travel(Tensor(numpy.arange(2))).tolist() == [0, 1]
        assert "on another device than the CPU" in advised(Tensor(numpy.zeros(2), device=2))
        assert "that requires grad" in advised(Tensor(numpy.zeros(2), requires_grad=True))
        advised(Cupy(numpy.zeros(2), device=2))


def advised(value: Any) -> str:
    """The refusal of `value`, whose advice has been followed."""
    followed: Any = value
    message = ""
    for _ in range(3):  # advice may lead to a value with advice of its own
        refusal = refused({"v": followed})
        message = message or refusal
        assert refusal.startswith("result.v cannot be sent: ")
        advice = re.search(r"send (\S.*?)(?:, with None for what is masked, or .*)?$", refusal)
        assert advice, refusal
        followed = eval(advice[1], {"value": followed, "numpy": numpy})
        try:
            encode_result(followed)
        except Exception:
            continue
        return message
    raise AssertionError(f"the advice does not help: {message}")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (numpy.array([1, "a", None], object), "an array of Python objects"),
        *([(numpy.array(["a", "bcd"], STRINGS()), "StringDType")] if STRINGS else []),
        (numpy.array([1.5], "g"), "an array of long doubles"),
        (numpy.array([1.5], "G"), "an array of long complex numbers"),
        (numpy.ma.array([1, 2], mask=[0, 1]), "a masked array"),
        (numpy.ma.array([[1.5, 2]], mask=[[0, 1]]), "a masked array"),
        (numpy.zeros(2, "V0"), "without any bytes"),
        (numpy.zeros(2, [("a", "O"), ("b", "i4")]), "whose field 'a' holds Python objects"),
        (numpy.zeros(2, [("a", [("b", "O")]), ("c", "i4")]), "whose field 'b' holds Python objects"),
        (numpy.zeros(2, [("a", "i4", (0,)), ("b", "i4")]), "whose field 'a' has no name, or no bytes"),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_refused_with_advice_that_works(value: Any, reason: str) -> None:
    assert reason in advised(value)


def test_masked_arrays_may_be_filled() -> None:
    assert travel(numpy.ma.array([1, 2], mask=[0, 1]).filled(0)).tolist() == [1, 0]


def test_long_doubles_in_structures() -> None:
    value = numpy.zeros(2, [("a", "g"), ("b", "i4")])
    message = refused(value)
    assert "whose field 'a' holds long doubles, which only C has: send {name: value[name] for" in message
    columns = {name: value[name] for name in value.dtype.names}
    assert "result.a cannot be sent: an array of long doubles" in refused(columns)
    columns["a"] = columns["a"].astype("float64")
    assert travel(columns)["b"].tolist() == [0, 0]


def test_what_changes_its_mind_is_refused_or_sent() -> None:
    class Flaky:
        @property
        def __array_interface__(self) -> Any:
            raise OSError("gone")

    assert "reading this Flaky raised OSError" in refused([Flaky()])


def test_what_only_makes_an_array_is_refused() -> None:
    class Cube:
        def __array__(self, *_: Any, **__: Any) -> Any:
            return numpy.arange(3)

        def __iter__(self) -> Any:
            raise AssertionError

    assert "a Cube, which can be made an array: send numpy.asarray(value)" in advised(Cube())


def test_a_closed_map_is_refused() -> None:
    memory = mmap.mmap(-1, 4096)
    memory.close()
    assert "reading this mmap raised ValueError" in refused(memory)


def test_values_like_arrays_keep_their_place_among_others() -> None:
    assert [type(each) for each in decode(encode_result([array.array("b", [1]), b"x", numpy.arange(2), [1]]))] == [
        numpy.ndarray,
        bytes,
        numpy.ndarray,
        list,
    ]
