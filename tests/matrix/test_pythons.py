"""Every CPython against Node.js 20, each with the wheel that is made for it; PyPy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest
from pythons import Python, found_pythons
from runtimes import NODE_20, ROOT, is_whole
from stage import Stage

Record = Callable[[str, object], None]

_NODE = [*NODE_20.command, "scenario.mjs"]


# Each in one process of pytest-xdist, which installs it once.
_PYTHONS = [pytest.param(each, id=each.name, marks=pytest.mark.xdist_group(each.name)) for each in found_pythons()]
_PYTHONS = _PYTHONS if is_whole() else []  # that of the checkout plays with all that runs JavaScript


@pytest.fixture(scope="module", params=_PYTHONS)
def released(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    chosen: Python = request.param
    # One that runs without the GIL warns that this module turns it on.
    options = ["-X", "gil=1"] if chosen.name.endswith("t") else []
    return [chosen.install(tmp_path_factory.mktemp(chosen.name)), *options, "scenario.py"]


_COLUMNS = {
    "test_it_ends_in_mid_call": "ends in mid-call",
    "test_it_calls_node": "calls",
    "test_it_serves_node": "serves",
    "test_it_calls_who_is_killed": "its service is killed",
    "test_it_serves_who_is_killed": "its client is killed",
}


@pytest.fixture
def cell(request: pytest.FixtureRequest, released: list[str], record_property: Record) -> None:
    column = _COLUMNS[request.function.__name__]
    record_property("cell", ["Python", *_version(released[0]), column])


def _version(python: str) -> list[str]:
    """As in `CPython 3.9`, `3.9.18`; `CPython 3.14t` has no GIL."""
    tell = (
        "import sys, platform; print(platform.python_implementation(), '%d.%d' % sys.version_info[:2] + "
        "sys.abiflags, platform.python_version(), sep='\\n')"
    )
    name, minor, version = subprocess.check_output([python, "-c", tell], text=True).splitlines()
    return [f"{name} {minor}", version]


@pytest.fixture
def bare() -> list[str]:
    """The Python of the checkout, without its packages."""
    return ["env", f"PYTHONPATH={ROOT / 'python'}", sys.executable, "-S", "scenario.py"]


def test_numpy_and_pyarrow_are_not_installed(stage: Stage, bare: list[str]) -> None:
    stage.calls(client=bare, server=_NODE)
    stage.calls(client=_NODE, server=bare)


@pytest.mark.usefixtures("cell")
def test_it_calls_node(stage: Stage, released: list[str]) -> None:
    stage.calls(client=released, server=_NODE)


@pytest.mark.usefixtures("cell")
def test_it_serves_node(stage: Stage, released: list[str]) -> None:
    stage.calls(client=_NODE, server=released)


@pytest.mark.usefixtures("cell")
def test_it_calls_who_is_killed(stage: Stage, released: list[str]) -> None:
    stage.losses(client=released, server=_NODE)


@pytest.mark.usefixtures("cell")
def test_it_serves_who_is_killed(stage: Stage, released: list[str]) -> None:
    stage.losses(client=_NODE, server=released)


@pytest.mark.usefixtures("cell")
def test_it_ends_in_mid_call(stage: Stage, released: list[str]) -> None:
    stage.abandonment(client=released, server=_NODE)


def test_pypy_is_refused(record_property: Record) -> None:
    pypy = shutil.which("pypy3")
    if pypy is None:
        pytest.skip("there is no pypy3")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run(
        [pypy, "-c", "import ipcbridge"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 1
    refusal = done.stderr[done.stderr.index("ImportError: ") :]
    assert "this is PyPy 3." in refusal
    assert "ipcbridge is for CPython 3.9 and later" in refusal
    done = subprocess.run(
        [pypy, "-m", "ipcbridge", "doctor"], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "it does not load: this is PyPy 3." in done.stdout
    record_property("cell", ["Python", *_version(pypy), "calls", "is refused, with a sentence"])
