"""Arrays for a process that has used nearly all the mappings that the system allows it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from programs import running

import ipcbridge as ipc

pytestmark = pytest.mark.skipif("IPCBRIDGE_SANITIZED" in os.environ, reason="a sanitizer needs mappings itself")

MOST_MAPPINGS = int(Path("/proc/sys/vm/max_map_count").read_text())
LENGTH = 1_200_000  # elements of eight bytes: each array has a segment of its own
COUNT = 40

if MOST_MAPPINGS > 1_000_000:
    pytest.skip(f"vm.max_map_count is {MOST_MAPPINGS}", allow_module_level=True)

# Every second page of its memory has another protection, until there are no mappings left but so many.
PYTHON = """
import ctypes
import sys

import numpy

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
page, read, read_and_write, private_and_anonymous = 4096, 1, 3, 0x22

class Service:
    def __init__(self):
        self._kept = []
        self._sent = []

    def tighten(self, most, left):
        size = 2 * page * most
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        base = libc.mmap(None, size, 0, private_and_anonymous, -1, 0)
        taken = 0
        while libc.mprotect(base + 2 * page * taken, page, read) == 0:
            taken += 1
        for index in range(taken - left // 2, taken):
            libc.mprotect(base + 2 * page * index, page, 0)
        return taken

    def keep(self, array):
        self._kept.append(array)
        return [len(self._kept), array[0], array[-1]]

    def give(self, length, pooled):
        array = ipc.alloc(length, "float64") if pooled else numpy.empty(length)
        array[:] = 7
        self._sent.append(array)
        return array

    def drop(self):
        self._kept.clear()
        self._sent.clear()

with ipc.serve(sys.argv[1], Service(), limits={"max_message_bytes": 1 << 30}):
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["shm", "unix"])
def tight(request: Any, directory: Path) -> Iterator[Any]:
    address = "tight" if request.param == "shm" else f"unix://{directory}/tight.sock"
    with running("python", PYTHON, address), ipc.connect(address) as service:
        assert service.keep(numpy.ones(LENGTH)) == [1, 1, 1]
        assert service.give(LENGTH, True)[-1] == service.give(LENGTH, False)[-1] == 7
        service.drop()
        yield service


class Outcomes:
    """Of calls that may be refused, how many were."""

    def __init__(self) -> None:
        self.refused = 0

    def of(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except ipc.IpcError as error:
            if error.code != "resource_exhausted" and "Unable to allocate" not in error.message:  # as NumPy says
                raise
            self.refused += 1
            return None


@pytest.mark.parametrize("left", [4, 20])
def test_what_arrives_is_there_or_is_refused(tight: Any, left: int) -> None:
    assert tight.tighten(MOST_MAPPINGS, left) > MOST_MAPPINGS // 4
    outcomes = Outcomes()
    for number in range(COUNT):
        told = outcomes.of(lambda: tight.keep(numpy.full(LENGTH, float(number))))  # noqa: B023
        assert told in (None, [number + 1 - outcomes.refused, number, number])
    assert outcomes.refused > 0, "there were mappings enough"
    tight.drop()
    assert tight.keep(numpy.ones(LENGTH)) == [1, 1, 1]


@pytest.mark.parametrize("pooled", [True, False])
def test_what_is_sent_arrives_or_is_refused(tight: Any, pooled: bool) -> None:
    tight.tighten(MOST_MAPPINGS, 10)
    outcomes = Outcomes()
    kept = [outcomes.of(lambda: tight.give(LENGTH, pooled)) for _ in range(COUNT)]
    assert outcomes.refused > 0, "there were mappings enough"
    assert all(array is None or (array == 7).all() for array in kept)
    tight.drop()
    kept.clear()
    assert tight.give(LENGTH, pooled)[-1] == 7


# Of a buffer that can be resized, the rest of its memory has another protection.
NODE = """
import { readFileSync } from 'node:fs'
const mappings = () => readFileSync('/proc/self/maps', 'latin1').split('\\n').length
const buffers = []
const kept = []
await ipc.serve(process.argv[1], {
  can_tighten: () => ArrayBuffer.prototype.resize !== undefined,
  tighten(most, left) {
    while (mappings() < most - left) {
      const missing = most - left - mappings()
      for (let i = 0; i < missing / 2; i++) buffers.push(new ArrayBuffer(4096, { maxByteLength: 16384 }))
    }
    return buffers.length
  },
  keep(array) { kept.push(array); return [kept.length, array[0], array.at(-1)] },
  drop() { for (const array of kept.splice(0)) ipc.release(array) },
}, { limits: { maxMessageBytes: 1 << 30 } })
console.log('ready')
"""


# Without mappings V8 itself ends the process, and so the test leaves it some.
def test_what_arrives_in_node_is_there_or_is_refused(directory: Any) -> None:
    with running("node", NODE, "tight"), ipc.connect("tight") as tight:
        if not tight.can_tighten():
            pytest.skip("this Node.js has no buffers that can be resized")
        assert tight.keep(numpy.ones(LENGTH)) == [1, 1, 1]
        tight.drop()
        assert tight.tighten(MOST_MAPPINGS, 400) > MOST_MAPPINGS // 4
        outcomes = Outcomes()
        for number in range(5 * COUNT):
            told = outcomes.of(lambda: tight.keep(numpy.full(LENGTH, float(number))))  # noqa: B023
            assert told in (None, [number + 1 - outcomes.refused, number, number])
        tight.drop()
        assert tight.keep(numpy.ones(LENGTH)) == [1, 1, 1]
