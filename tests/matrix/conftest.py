from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# pytest imports test files by path (importmode=importlib), so their helpers need one.
# The interpreters are found as for the wheels.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "release")]

from pythons import THIS, Python, found_pythons  # noqa: E402
from runtimes import HERE, ROOT  # noqa: E402
from stage import Stage  # noqa: E402
from table import Cell, write  # noqa: E402

_cells: list[Cell] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-table", action="store_true", help="write what was run into docs/compatibility.md")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.uname().machine != "x86_64":
        for item in items:
            item.add_marker(pytest.mark.skip(reason="the runtimes of package.json are for x64"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        _cells.extend(Cell(*cell) for name, cell in report.user_properties if name == "cell")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    is_worker = hasattr(session.config, "workerinput")
    if session.config.getoption("--write-table") and exitstatus == 0 and not is_worker:
        write(_cells)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that has ipcbridge installed: the package of IPCBRIDGE_TEST_PACKAGE, or this checkout."""
    folder = tmp_path_factory.mktemp("app")
    package = os.environ.get("IPCBRIDGE_TEST_PACKAGE")
    modules = Path(package) / "node_modules" if package else None
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "ipcbridge").symlink_to(modules / "ipcbridge" if modules else ROOT)
    # Deno knows no package that is not among the dependencies.
    (folder / "package.json").write_text(json.dumps({"dependencies": {"ipcbridge": "*"}}))
    for file in ("scenario.mjs", "scenario.py", "steps.mjs"):
        shutil.copy(HERE / file, folder)
    return folder


@pytest.fixture
def stage(app: Path) -> Iterator[Stage]:
    """Its sockets are in a folder of its own; a short one, because a socket's path may have 107 bytes."""
    sockets = Path(tempfile.mkdtemp(prefix="ipcb-"))
    yield Stage(app, sockets)
    shutil.rmtree(sockets)


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The counterpart of everything that runs JavaScript: with the wheel for this Python, or this checkout."""
    (this,) = [each for each in found_pythons() if each.name == THIS] or [Python(THIS, sys.executable, None)]
    return [this.install(tmp_path_factory.mktemp("python")), "scenario.py"]
