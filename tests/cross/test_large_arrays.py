"""Large values between a Python client and a service in Node.js: where they lie, who may change them, and how long they
are there."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from programs import running
from waiting import wait_until

import ipcbridge as ipc

SERVICE = """
import fs from 'node:fs'
const kept = []
let sent
const sentLength = 50_000
await ipc.serve(process.argv[1], {
  echo: value => value,
  pid: () => process.pid,
  kind: value => [value.constructor.name, value.byteLength ?? value.data.byteLength],
  scribble(array) { array.fill(7); return [array[0], array.at(-1)] },
  keep(value) { kept.push(value); return kept.length },
  sums: () => kept.map(array => array[0] + array.at(-1)),
  letGo() { for (const array of kept.splice(0)) ipc.release(array) },
  bounce(array) { const copy = array.slice(); ipc.release(array); return copy },
  released(array) { ipc.release(array); return array.length },
  *frames(count, length) { for (let i = 0; i < count; i++) yield new Float64Array(length).fill(i) },
  *blocks(count, length) {
    for (let i = 0; i < count; i++) {
      const block = ipc.alloc([length], 'float64')
      block.data.fill(i)
      yield block
    }
  },
  fail(value) { throw new ipc.IpcError('aborted', 'no', { value }) },
  // Memory of the pool is used again, in turn, when nobody has it any more.
  block(length) { const block = ipc.alloc([length], 'float64'); block.data.fill(1); sent = block.data; return block },
  freed() {
    ipc.release(sent)
    let found = 0
    for (let i = 0; i < 30; i++) {
      const next = ipc.alloc([sentLength], 'float64').data
      found ||= next[0]
      ipc.release(next)
    }
    return found
  },
  transferred() {
    const bytes = new Float64Array(100_000)
    return { bytes, get later() { structuredClone(bytes.buffer, { transfer: [bytes.buffer] }); return 1 } }
  },
  segments() { return fs.readFileSync('/proc/self/maps', 'utf8').split('memfd:ipcbridge').length - 1 },
})
console.log('ready')
"""

LARGE = 1_000_000  # elements, which are eight times as many bytes


@pytest.fixture(params=["shm", "unix"])
def node(request: Any, directory: Any, tmp_path: Path) -> Iterator[Any]:
    address = "large" if request.param == "shm" else f"unix://{tmp_path}/large.sock"
    with running("node", SERVICE, address), ipc.connect(address) as node:
        yield node


@pytest.fixture
def shared(directory: Any) -> Iterator[Any]:
    with running("node", SERVICE, "large"), ipc.connect("large") as node:
        yield node


def numbers(length: int = LARGE) -> Any:
    return numpy.arange(length, dtype="float64")


@pytest.mark.parametrize("length", [1, 1_900, 1_920, 1_921, 2_048, 8_192, 100_000, LARGE])
def test_an_array_of_any_size_comes_back_as_it_went(node: Any, length: int) -> None:
    numpy.testing.assert_array_equal(node.echo(numbers(length)), numbers(length))


@pytest.mark.parametrize("size", [0, 15 * 1024 - 1, 15 * 1024, 16_368, 65_535, 65_536, 3_000_000])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_size_come_back_as_they_went(node: Any, size: int, kind: Callable[[bytes], Any]) -> None:
    sent = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    assert node.echo(kind(sent)) == sent
    assert node.kind(kind(sent)) == ["Buffer", size]


def test_a_message_may_hold_many_of_them_beside_other_values(node: Any) -> None:
    sent = {"arrays": [numbers(2_000 + i) for i in range(300)], "text": "é" * 100_000, "bytes": b"y" * 50_000}
    back = node.echo(sent)
    assert back["text"] == sent["text"]
    assert back["bytes"] == sent["bytes"]
    for one, other in zip(back["arrays"], sent["arrays"]):
        numpy.testing.assert_array_equal(one, other)


def test_what_node_writes_to_an_array_nobody_else_sees(node: Any) -> None:
    array = ipc.alloc(LARGE, "float64")
    array[:] = 1
    assert node.scribble(array) == [7, 7]
    assert node.scribble(array) == [7, 7]
    assert (array == 1).all()
    assert node.echo(array)[0] == 1


def test_what_arrives_is_read_only_and_has_a_copy_that_is_not(node: Any) -> None:
    back = node.echo(numbers())
    with pytest.raises(ValueError, match="read-only"):
        back[0] = 1
    copy = back.copy()
    copy[0] = 1
    assert copy[0] == 1


def test_an_array_outlives_its_connection_and_the_process_that_it_came_from(node: Any) -> None:
    arrays = [node.echo(numbers(100_000) + i) for i in range(100)]
    os.kill(node.pid(), signal.SIGKILL)
    with pytest.raises(ipc.Unavailable):
        node.keep(1)
    ipc.close(node)
    gc.collect()
    for i, array in enumerate(arrays):
        assert (array[0], array[-1]) == (i, 99_999 + i)


def test_what_node_keeps_stays_as_it_was_sent(node: Any) -> None:
    for i in range(50):
        assert node.keep(numpy.full(20_000, i, dtype="float64")) == i + 1
    assert node.sums() == [2 * i for i in range(50)]
    node.letGo()
    assert node.keep(numbers(20_000)) == 1


def test_released_arrays_are_empty_in_node_and_no_crash_in_python(node: Any) -> None:
    assert node.released(numbers()) == 0
    back = node.echo(numbers())
    ipc.release(back)
    ipc.release(back)
    node.echo(numbers() + 1)
    assert back.shape == (LARGE,)
    back.sum()  # of whatever


def test_parts_of_allocated_memory_travel_as_such(node: Any) -> None:
    array = ipc.alloc((100, 10_000), "int32")
    array[:] = numpy.arange(100)[:, None]
    numpy.testing.assert_array_equal(node.echo(array[3:60]), array[3:60])
    numpy.testing.assert_array_equal(node.echo(array[:, ::2]), array[:, ::2])
    block = ipc.alloc(100_000)
    block[:] = b"z" * 100_000
    assert node.echo(block[10:90_000]) == b"z" * 89_990


def test_errors_keyword_arguments_and_metadata_carry_them(node: Any) -> None:
    with pytest.raises(ipc.IpcError) as failure:
        node.fail(numbers(50_000))
    assert failure.value.details["value"][-1] == 49_999
    assert node.kind(value=numbers(50_000)) == ["Float64Array", 400_000]


@pytest.mark.parametrize("method", ["frames", "blocks"])
def test_streams_of_arrays_arrive_whole_and_in_order(node: Any, method: str) -> None:
    seen = [(frame[0], frame[-1], len(frame)) for frame in getattr(node, method)(200, 50_000)]
    assert seen == [(i, i, 50_000) for i in range(200)]


def test_a_buffer_that_is_transferred_while_its_message_is_encoded_is_refused(node: Any) -> None:
    with pytest.raises(ipc.IpcError, match="transferred"):
        node.transferred()
    assert node.echo(1) == 1


def segments_here() -> int:
    return Path("/proc/self/maps").read_text().count("memfd:ipcbridge")


def test_arrays_that_are_passed_and_dropped_take_the_same_memory_again(shared: Any) -> None:
    for _ in range(20):
        shared.released(numbers(50_000))
        shared.bounce(numbers(50_000))
    before = (segments_here(), shared.segments())
    for _ in range(500):
        shared.released(numbers(50_000))
        assert shared.bounce(numbers(50_000))[1] == 1
    after = (segments_here(), shared.segments())
    assert after[0] <= before[0] + 6  # for each megabyte there would be one
    assert after[1] <= before[1] + 6


def test_what_a_killed_process_has_kept_is_free_again(shared: Any) -> None:
    gc.collect()
    before = segments_here()
    for i in range(100):
        assert shared.keep(numbers(50_000)) == i + 1
    assert segments_here() > before
    os.kill(shared.pid(), signal.SIGKILL)
    with pytest.raises(ipc.Unavailable):
        shared.keep(1)
    wait_until(lambda: segments_here() < before)  # those of the connection are gone, too


def test_memory_goes_back_with_the_last_that_refers_to_it(shared: Any) -> None:
    array = shared.block(50_000)
    part = array[10:20]
    del array
    gc.collect()
    assert shared.freed() == 0, "a part of it is still there"
    assert (part == 1).all()
    del part
    gc.collect()
    assert shared.freed() == 1


@pytest.mark.parametrize("wrong", [-1, 1.5, "9", None])
def test_what_is_no_size_is_refused(wrong: Any) -> None:
    with pytest.raises(ipc.IpcError, match="takes a number of bytes") as failure:
        ipc.alloc(wrong)
    assert failure.value.code == "invalid_argument"


def test_what_no_memory_can_hold_is_refused() -> None:
    for size in (2**62, 2**200):
        with pytest.raises(ipc.IpcError) as failure:
            ipc.alloc(size)
        assert failure.value.code == "resource_exhausted"
    for dtype in (object, "no such"):
        with pytest.raises(ipc.IpcError) as failure:
            ipc.alloc(3, dtype)
        assert failure.value.code == "invalid_argument"
