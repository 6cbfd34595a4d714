"""Arrays between a Python client and a service in Node.js are what docs/arrays.md says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy
import pytest
from array_strategies import arrays, assert_arrived
from hypothesis import HealthCheck, given, settings
from programs import running

import ipcbridge as ipc

SERVICE = """
const { NDArray } = ipc
await ipc.serve('arrays', {
  // What a Uint8Array is to be in Python is for the program to say.
  echo: value => (value instanceof Uint8Array ? new NDArray(value) : value),
  copied: value => new NDArray(value.data ?? value, value.shape).copy(),
  kind: value => [value.constructor.name, String(value.dtype ?? ''), value.shape ?? [value.length]],
  transposed: value => value.transpose(),
  reversed: value => value.slice(...value.shape.map(() => [null, null, -1])),
  listed: value => value.toArray(),
  made: () => ({ f4: Float32Array.of(1.5), clamped: Uint8ClampedArray.of(300), big: BigUint64Array.of(2n ** 64n - 1n),
                 bytes: Uint8Array.of(1), view: new DataView(new ArrayBuffer(2)),
                 text: NDArray.from(['a', 'bcd']), times: NDArray.from([new Date(5), null]) }),
  async *frames(count) { for (let i = 0; i < count; i++) yield new NDArray(new Float32Array(6).fill(i), [2, 3]) },
  async call(fn, value) { return await fn(value, [value]) },
  fail(value) { throw new ipc.IpcError('aborted', 'no', { value }) },
})
console.log('ready')
"""


@pytest.fixture
def node(directory: Any) -> Iterator[Any]:
    with running("node", SERVICE), ipc.connect("arrays") as node:
        yield node


# The service is the same for all examples.
PROPERTY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@given(array=arrays())
@PROPERTY
def test_any_array_comes_back_as_it_went(node: Any, array: Any) -> None:
    assert_arrived(node.echo(array), array)


@given(array=arrays())
@PROPERTY
def test_views_of_an_array_are_views_of_the_same_elements(node: Any, array: Any) -> None:
    if array.ndim > 1:
        assert_arrived(node.transposed(array), array.T)
        assert_arrived(node.reversed(array), numpy.flip(array))


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        *(
            ("i1", "Int8Array"),
            ("u1", "Uint8Array"),
            ("<i2", "Int16Array"),
            (">u2", "Uint16Array"),
            ("i4", "Int32Array"),
        ),
        *(("u4", "Uint32Array"), ("i8", "BigInt64Array"), ("u8", "BigUint64Array"), ("f4", "Float32Array")),
        *((">f8", "Float64Array"), ("?", "NDArray"), ("c8", "NDArray"), ("M8[us]", "NDArray"), ("U3", "NDArray")),
    ],
)
def test_what_an_array_is_in_javascript(node: Any, dtype: str, kind: str) -> None:
    assert node.kind(numpy.zeros(3, dtype))[::2] == [kind, [3]]
    name, shown, shape = node.kind(numpy.zeros((2, 3), dtype))
    assert (name, shape) == ("NDArray", [2, 3])
    assert shown == (numpy.dtype(dtype).name if "U" not in dtype else "<U3")
    assert node.kind(numpy.zeros((), dtype))[2] == []


def test_what_javascript_makes_is_an_array(node: Any) -> None:
    made = node.made()
    assert [made[name].dtype.str for name in ("f4", "clamped", "big", "text", "times")] == [
        *("<f4", "|u1", "<u8", "<U3", "<M8[ms]")
    ]
    assert (made["bytes"], made["view"]) == (b"\x01", b"\0\0")
    assert made["clamped"].tolist() == [255]
    assert made["big"].tolist() == [2**64 - 1]
    assert made["text"].tolist() == ["a", "bcd"]
    assert numpy.isnat(made["times"]).tolist() == [False, True]


def test_elements_in_javascript(node: Any) -> None:
    structures = numpy.array([(1, [2, 3], "x", True)], [("n", "i8"), ("v", "f4", (2,)), ("t", "U2"), ("b", "?")])
    assert node.listed(structures.reshape(1, 1)) == [[{"n": 1, "v": [2, 3], "t": "x", "b": True}]]
    assert node.listed(numpy.array([1.5 + 2j, 0])) == [{"re": 1.5, "im": 2}, {"re": 0, "im": 0}]
    days = numpy.array(["1969-12-31", "NaT"], "M8[D]")
    assert [day if day is None else day.isoformat() for day in node.listed(days)] == ["1969-12-31T00:00:00+00:00", None]
    assert node.listed(days.astype("M8[ns]")) == [-86_400 * 10**9, None]
    assert node.listed(numpy.array([b"ab\0c", b""])) == [b"ab\0c", b""]


def test_arrays_are_items_arguments_of_callbacks_and_details(node: Any) -> None:
    frames = list(node.frames(3))
    assert [frame.tolist() for frame in frames] == [[[i] * 3] * 2 for i in range(3)]
    array = numpy.arange(4.0).reshape(2, 2)
    assert_arrived(node.call(lambda value, inner: value + inner[0], array), array * 2)
    with pytest.raises(ipc.RemoteError) as caught:
        node.fail(array)
    assert_arrived(caught.value.details["value"], array)


@pytest.mark.parametrize("size", [4_000, 16_000, 100_000, 8_000_000])
def test_arrays_of_any_size(node: Any, size: int) -> None:
    array = numpy.arange(size // 8).reshape(2, -1)
    assert_arrived(node.echo(array), array)
    assert node.echo([array[0], array[1:]])[1].tolist() == array[1:].tolist()


WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = None
def kind(value):
    return [type(value).__name__, value.format, list(value.shape), value.tolist()]
with ipc.serve("plain", {"kind": kind, "add": lambda a, b: a + b}):
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_where_numpy_is_missing_an_array_costs_its_call_at_most(directory: Any) -> None:
    with running("python", WITHOUT_NUMPY), ipc.connect("plain") as plain:
        assert plain.kind(numpy.array([[1.5, 2]])) == ["memoryview", "d", [1, 2], [[1.5, 2]]]
        with pytest.raises(ipc.RemoteError, match=r"NumPy cannot be imported .*: pip install numpy") as caught:
            plain.kind(numpy.zeros(2, "c16"))
        assert caught.value.code == "failed_precondition"
        assert plain.add(1, 2) == 3
