"""Arrays that are more than the memory of a container: the kernel ends the process, and its peers go on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from array_peers import PROGRAMS
from programs import running

import ipcbridge as ipc

SMALL = 20_000  # elements, which are eight times as many bytes
LARGE = 40_000_000
MOST_MEMORY = 200 << 20

pytestmark = pytest.mark.skipif("IPCBRIDGE_SANITIZED" in os.environ, reason="a sanitizer needs memory itself")


class MemoryGroup:
    """A control group of a test's own, of version 1 or 2."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def limit(self, most: int) -> None:
        version_2 = self._path / "memory.max"
        if version_2.exists():
            version_2.write_text(str(most))
        else:
            (self._path / "memory.limit_in_bytes").write_text(str(most))

    def add(self, pid: int) -> None:
        (self._path / "cgroup.procs").write_text(str(pid))


def own_group() -> Path:
    """That of this process, in the hierarchy that has the memory."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return Path(f"/sys/fs/cgroup/memory{path}")
        if number == "0" and Path("/sys/fs/cgroup/cgroup.controllers").exists():
            return Path(f"/sys/fs/cgroup{path}")
    pytest.skip("there is no hierarchy of control groups with memory")


@pytest.fixture
def group() -> Iterator[MemoryGroup]:
    path = own_group() / f"ipcbridge-test-{os.getpid()}"
    try:
        path.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    try:
        made = MemoryGroup(path)
        try:
            made.limit(MOST_MEMORY)
        except OSError as error:
            pytest.skip(f"a control group of this one's cannot limit memory: {error}")
        yield made
    finally:
        path.rmdir()  # its processes have ended


@pytest.mark.parametrize(("caller", "callee"), [("node", "python"), ("python", "node")])
@pytest.mark.parametrize("method", ["fetch", "fetch_pooled"])
def test_a_service_that_the_kernel_ends_costs_its_own_calls_alone(
    group: MemoryGroup, directory: Any, caller: str, callee: str, method: str
) -> None:
    program = PROGRAMS[callee]
    with (
        running(callee, program, "limited"),
        running(callee, program, "other"),
        running(caller, PROGRAMS[caller], "caller"),
        ipc.connect("limited") as limited,
        ipc.connect("caller") as calling,
    ):
        for name in ("limited", "other"):
            assert getattr(calling, method)(name, SMALL) == SMALL
        group.add(limited.pid())
        code, _message = getattr(calling, method)("limited", LARGE)
        assert code == "unavailable"
        assert getattr(calling, method)("other", LARGE) == LARGE
