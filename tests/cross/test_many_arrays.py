"""Arrays that are passed and dropped many times leave nothing behind: neither memory nor segments."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import numpy
import pytest
from memory import Growth, memory_of
from programs import running

import ipcbridge as ipc

ARRAYS = int(os.environ.get("IPCBRIDGE_TEST_ARRAYS", "4000"))  # a million take some minutes
WARM_UP = ARRAYS // 4
LENGTH = 12_500  # elements of eight bytes
# Of a million arrays, one in a thousand that stayed would be 100 MB.
MOST_GROWTH = (512 if "IPCBRIDGE_SANITIZED" in os.environ else 48) << 20
MOST_SEGMENTS = 6

NODE = """
const length = 12_500
let sent = 0
await ipc.serve(process.argv[1], {
  pid: () => process.pid,
  drop: array => array[0],
  dropAll: async arrays => { let sum = 0; for await (const array of arrays) sum += array[0]; return sum },
  give: value => new Float64Array(length).fill(value),
  *giveAll(count) { for (let i = 0; i < count; i++) yield new Float64Array(length).fill(i % 7) },
})
console.log('ready')
"""

PYTHON = """
import os
import sys

import numpy

class Service:
    def pid(self): return os.getpid()
    def drop(self, array): return array[0]
    def dropAll(self, arrays): return sum(array[0] for array in arrays)
    def give(self, value): return numpy.full(12_500, float(value))
    def giveAll(self, count):
        for number in range(count):
            yield numpy.full(12_500, float(number % 7))

with ipc.serve(sys.argv[1], Service()):
    print("ready", flush=True)
    sys.stdin.read()
"""


def sent(count: int) -> Any:
    for number in range(count):
        yield numpy.full(LENGTH, float(number % 7))


def one_by_one(remote: Any, count: int) -> None:
    for number in range(count // 2):
        assert remote.drop(numpy.full(LENGTH, float(number))) == number
        assert remote.give(number)[-1] == number


def in_streams(remote: Any, count: int) -> None:
    expected = sum(number % 7 for number in range(count // 2))
    assert remote.dropAll(sent(count // 2)) == expected
    assert sum(array[0] for array in remote.giveAll(count // 2)) == expected


def segments_of(pid: int | str) -> int:
    return Path(f"/proc/{pid}/maps").read_text().count("memfd:ipcbridge")


@pytest.mark.parametrize("passed", [one_by_one, in_streams])
@pytest.mark.parametrize(("language", "program"), [("node", NODE), ("python", PYTHON)])
@pytest.mark.parametrize("transport", ["shm", "unix"])
def test_arrays_that_are_passed_and_dropped_leave_nothing_behind(
    directory: Any, transport: str, language: str, program: str, passed: Any
) -> None:
    address = "arrays" if transport == "shm" else f"unix://{directory}/arrays.sock"
    with running(language, program, address), ipc.connect(address) as remote:
        passed(remote, WARM_UP)
        gc.collect()
        pids = ("self", remote.pid())
        before = [segments_of(pid) for pid in pids]
        growths = [Growth(lambda pid=pid: memory_of(pid)) for pid in pids]  # type: ignore[misc]
        passed(remote, ARRAYS - WARM_UP)
        gc.collect()
        for growth in growths:
            growth.check(MOST_GROWTH)
        for pid, segments in zip(pids, before):
            assert segments_of(pid) <= segments + MOST_SEGMENTS
