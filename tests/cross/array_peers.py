"""Services in both languages that pass arrays to each other as they are told to.

`send` and `fetch` are of ordinary memory, which `make` has made before; those of the pool are made as they are passed.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from programs import running

import ipcbridge as ipc

NODE = """
const others = new Map()
async function other(name) {
  if (!others.has(name)) others.set(name, await ipc.connect(name, { connectTimeout: 1000, ...LIMITS }))
  return others.get(name)
}
async function told(act) {
  try { return await act() } catch (error) { return [error.code, error.message] }
}
const made = new Map()
function array(length) {
  if (!made.has(length)) made.set(length, new Float64Array(length).fill(1))
  return made.get(length)
}
const lengthOf = array => { const { length } = array; ipc.release(array); return length }
await ipc.serve(process.argv[1], {
  pid: () => process.pid,
  take: array => lengthOf(array),
  make: length => array(length).length,
  give: length => array(length),
  give_pooled: length => ipc.alloc([length], 'float64').data,
  send: (name, length) => told(async () => (await other(name)).take(array(length))),
  send_pooled: (name, length) => told(async () => (await other(name)).take(ipc.alloc([length], 'float64'))),
  fetch: (name, length) => told(async () => lengthOf(await (await other(name)).give(length))),
  fetch_pooled: (name, length) => told(async () => lengthOf(await (await other(name)).give_pooled(length))),
}, LIMITS)
console.log('ready')
""".replace("LIMITS", "{ limits: { maxMessageBytes: 1 << 30 } }")

PYTHON = """
import functools
import os
import sys

import numpy

others = {}
limits = {"max_message_bytes": 1 << 30}

def other(name):
    if name not in others:
        others[name] = ipc.connect(name, connect_timeout=1, limits=limits)
    return others[name]

def told(act):
    try:
        return act()
    except ipc.IpcError as error:
        return [error.code, error.message]

@functools.cache
def array(length):
    return numpy.ones(length)

class Service:
    def pid(self): return os.getpid()
    def take(self, array): return len(array)
    def make(self, length): return len(array(length))
    def give(self, length): return array(length)
    def give_pooled(self, length): return ipc.alloc(length, "float64")
    def send(self, name, length): return told(lambda: other(name).take(array(length)))
    def send_pooled(self, name, length): return told(lambda: other(name).take(ipc.alloc(length, "float64")))
    def fetch(self, name, length): return told(lambda: len(other(name).give(length)))
    def fetch_pooled(self, name, length): return told(lambda: len(other(name).give_pooled(length)))

with ipc.serve(sys.argv[1], Service(), limits=limits):
    print("ready", flush=True)
    sys.stdin.read()
"""

PROGRAMS = {"node": NODE, "python": PYTHON}
METHODS = ("send", "send_pooled", "fetch", "fetch_pooled")


class Sides:
    """Two of them, one of which calls the other."""

    def __init__(self, caller: Any, callee: Any, address: str) -> None:
        self.caller = caller
        self.callee = callee
        self._address = address

    def ask(self, method: str, length: int) -> Any:
        """The length again, or the code and the message of what went wrong."""
        return getattr(self.caller, method)(self._address, length)

    def ask_all(self, length: int) -> list[Any]:
        return [self.ask(method, length) for method in METHODS]


@contextmanager
def sides_of(caller: str, callee: str, address: str) -> Iterator[Sides]:
    with (
        running(caller, PROGRAMS[caller], "caller"),
        running(callee, PROGRAMS[callee], address),
        ipc.connect("caller") as of_caller,
        ipc.connect(address) as of_callee,
    ):
        yield Sides(of_caller, of_callee, address)


@contextmanager
def limited(pid: int, extra: int) -> Iterator[None]:
    """So many bytes of address space more than a process has now, and no more."""
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    resource.prlimit(pid, resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGESIZE") + extra, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_AS, before)
