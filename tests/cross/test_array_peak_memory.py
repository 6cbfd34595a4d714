"""How much memory two processes take for an array of 500 MB that passes between them, shared pages counted once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from programs import running

import ipcbridge as ipc

pytestmark = pytest.mark.skipif("IPCBRIDGE_SANITIZED" in os.environ, reason="a sanitizer has memory of its own")

PAGES = 122_000
LENGTH = 512 * PAGES  # elements of eight bytes
SIZE = 8 * LENGTH

NODE = """
const limits = { maxMessageBytes: 1 << 30 }
let made, kept
function touched(array) {
  kept = array
  let sum = 0
  for (let i = 0; i < array.length; i += 512) sum += array[i]
  return sum
}
await ipc.serve(process.argv[1], {
  pid: () => process.pid,
  make(length, pooled) {
    made = pooled ? ipc.alloc([length], 'float64').data : new Float64Array(length)
    made.fill(1)
  },
  give: () => made,
  keep: array => touched(array),
  send: async name => (await ipc.connect(name, { limits })).keep(made),
  fetch: async name => touched(await (await ipc.connect(name, { limits })).give()),
}, { limits })
console.log('ready')
"""

PYTHON = """
import os
import sys

import numpy

limits = {"max_message_bytes": 1 << 30}

class Service:
    def pid(self): return os.getpid()
    def make(self, length, pooled):
        self._made = ipc.alloc(length, "float64") if pooled else numpy.empty(length)
        self._made[:] = 1
    def give(self): return self._made
    def keep(self, array):
        self._kept = array
        return array[::512].sum()
    def send(self, name): return ipc.connect(name, limits=limits).keep(self._made)
    def fetch(self, name): return self.keep(ipc.connect(name, limits=limits).give())

with ipc.serve(sys.argv[1], Service(), limits=limits):
    print("ready", flush=True)
    sys.stdin.read()
"""

PROGRAMS = {"node": NODE, "python": PYTHON}


class Memory(NamedTuple):
    """Of a process, in bytes."""

    resident: int
    shared: int
    peak: int


def memory_of(pid: int) -> Memory:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return Memory(*(int(lines[name].split()[0]) << 10 for name in ("VmRSS", "RssShmem", "VmHWM")))


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@pytest.mark.parametrize(("pooled", "most"), [(True, 1.1), (False, 2.1)], ids=["pool", "ordinary"])
@pytest.mark.parametrize("passed", ["send", "fetch"])
@pytest.mark.parametrize(("sender", "receiver"), [("node", "python"), ("python", "node")])
def test_the_peak_for_500_megabytes(
    directory: Any, sender: str, receiver: str, passed: str, pooled: bool, most: float
) -> None:
    with (
        running(sender, PROGRAMS[sender], "sender"),
        running(receiver, PROGRAMS[receiver], "receiver"),
        ipc.connect("sender") as of_sender,
        ipc.connect("receiver") as of_receiver,
    ):
        calling, name = (of_sender, "receiver") if passed == "send" else (of_receiver, "sender")
        pids = [of_sender.pid(), of_receiver.pid()]
        of_sender.make(20_000, pooled)
        assert getattr(calling, passed)(name) > 0  # what is loaded late is there
        before = [memory_of(pid) for pid in pids]
        for pid in pids:
            forget_peak(pid)
        of_sender.make(LENGTH, pooled)
        assert getattr(calling, passed)(name) == PAGES  # each has been read
        after = [memory_of(pid) for pid in pids]
        both = sum(now.peak - then.resident for now, then in zip(after, before))
        shared = after[1].shared - before[1].shared
        assert shared > 0.99 * SIZE, "the receiver reads it where the sender has put it"
        print(f"{(both - shared) / SIZE:.3f} times the array")
        assert both - shared < most * SIZE
