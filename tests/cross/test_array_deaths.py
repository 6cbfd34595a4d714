"""Processes that are killed while they pass, or have, large arrays."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from array_peers import PROGRAMS
from programs import running
from waiting import wait_until

import ipcbridge as ipc

SMALL = 20_000  # elements, which are eight times as many bytes
LARGE = 30_000_000
BEGUN = 40 << 20  # bytes of the large one

PAIRS = [("node", "python"), ("python", "node")]


def memory_of(pid: int, kind: str) -> int:
    """What a process has of RssAnon or RssShmem, in bytes; 0 when it has ended."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) << 10
    return 0


def mappings_of(pid: int) -> int:
    return Path(f"/proc/{pid}/maps").read_text().count("memfd:ipcbridge")


def kill_in(pid: int, call: Any, is_begun: Callable[[], bool]) -> Any:
    """Kills a process in the midst of a call, or behind it where this is too late; what has become of the call."""
    wait_until(lambda: is_begun() or call.done())
    os.kill(pid, signal.SIGKILL)
    try:
        told = call.result()
    except ipc.Unavailable:
        return "unavailable"
    return told if told == LARGE else told[0]


class Three:
    """One that calls, and two that it calls."""

    def __init__(self, calling: Any, called: Any, other: Any, address: str, other_address: str) -> None:
        self.calling, self.called, self.other = calling, called, other
        self.pids = [each.pid() for each in (calling, called, other)]
        self.address, self.other_address = address, other_address

    def start(self, method: str, length: int) -> Any:
        return getattr(ipc.submit(self.calling), method)(self.address, length)


@pytest.fixture(params=["shm", "unix"])
def transport(request: Any) -> str:
    return str(request.param)


@pytest.fixture(params=PAIRS, ids="-to-".join)
def three(request: Any, directory: Path, transport: str) -> Iterator[Three]:
    caller, callee = request.param
    names = [name if transport == "shm" else f"unix://{directory}/{name}.sock" for name in ("called", "other")]
    with (
        running(caller, PROGRAMS[caller], "calling"),
        running(callee, PROGRAMS[callee], names[0]),
        running(callee, PROGRAMS[callee], names[1]),
        ipc.connect("calling") as calling,
        ipc.connect(names[0]) as called,
        ipc.connect(names[1]) as other,
    ):
        three = Three(calling, called, other, *names)
        for each in (calling, called):
            each.make(LARGE)
        for name in names:
            assert calling.send(name, SMALL) == calling.fetch(name, SMALL) == SMALL
        yield three


def copies(pid: int, before: int, kind: str) -> Callable[[], bool]:
    return lambda: memory_of(pid, kind) > before + BEGUN


def test_a_caller_that_is_killed_while_it_copies_costs_its_service_nothing(three: Three, transport: str) -> None:
    kind = "RssShmem" if transport == "shm" else "RssAnon"
    caller, called, _ = three.pids
    before, mapped = memory_of(caller, kind), mappings_of(called)
    told = kill_in(caller, three.start("send", LARGE), copies(caller, before, kind))
    assert told in ("unavailable", LARGE)
    assert three.called.make(SMALL) == SMALL
    wait_until(lambda: mappings_of(called) < mapped or transport == "unix")
    wait_until(lambda: memory_of(called, "RssAnon") < 3 * 8 * LARGE // 2)


def test_a_service_that_is_killed_while_it_copies_costs_its_caller_that_call(three: Three, transport: str) -> None:
    kind = "RssShmem" if transport == "shm" else "RssAnon"
    caller, called, _ = three.pids
    before, of_caller = memory_of(called, kind), memory_of(caller, "RssAnon") + memory_of(caller, "RssShmem")
    told = kill_in(called, three.start("fetch", LARGE), copies(called, before, kind))
    assert told in ("unavailable", LARGE)
    assert three.calling.send(three.other_address, LARGE) == LARGE
    wait_until(lambda: memory_of(caller, "RssAnon") + memory_of(caller, "RssShmem") < of_caller + 2 * 8 * LARGE)


def test_a_service_that_is_killed_while_it_receives_costs_its_caller_that_call(three: Three, transport: str) -> None:
    caller, called, _ = three.pids
    if transport == "shm":  # it reads where the other has written
        is_begun = copies(caller, memory_of(caller, "RssShmem"), "RssShmem")
    else:
        is_begun = copies(called, memory_of(called, "RssAnon"), "RssAnon")
    told = kill_in(called, three.start("send", LARGE), is_begun)
    assert told in ("unavailable", LARGE)
    assert three.calling.send(three.other_address, LARGE) == LARGE
