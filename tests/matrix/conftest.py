from __future__ import annotations

import json
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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


def _package() -> Path:
    """That of IPCBRIDGE_TEST_PACKAGE, or this checkout."""
    package = os.environ.get("IPCBRIDGE_TEST_PACKAGE")
    return Path(package) / "node_modules" / "ipcbridge" if package else ROOT


def _make_app(folder: Path, *dependencies: str) -> Path:
    """A program that has such dependencies."""
    # Deno knows no package that is not among them.
    (folder / "package.json").write_text(json.dumps({"dependencies": dict.fromkeys(dependencies, "*")}))
    for file in ("scenario.mjs", "scenario.py", "steps.mjs"):
        shutil.copy(HERE / file, folder)
    return folder


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that has installed ipcbridge and apache-arrow."""
    folder = tmp_path_factory.mktemp("app")
    modules = folder / "node_modules"
    modules.mkdir()
    (modules / "ipcbridge").symlink_to(_package())
    (modules / "apache-arrow").symlink_to(ROOT / "node_modules" / "apache-arrow")
    return _make_app(folder, "ipcbridge", "apache-arrow")


@pytest.fixture(scope="session")
def app_without_arrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its ipcbridge is a copy: a link to the checkout would find the apache-arrow of that."""
    folder = tmp_path_factory.mktemp("app-without-arrow")
    modules = folder / "node_modules"
    shutil.copytree(_package() / "js", modules / "ipcbridge" / "js")
    shutil.copy(_package() / "package.json", modules / "ipcbridge")
    (modules / "acorn").symlink_to(ROOT / "node_modules" / "acorn")
    return _make_app(folder, "ipcbridge")


@pytest.fixture
def stage(app: Path) -> Iterator[Stage]:
    with _stage(app) as stage:
        yield stage


@pytest.fixture
def stage_without_arrow(app_without_arrow: Path) -> Iterator[Stage]:
    with _stage(app_without_arrow) as stage:
        yield stage


@contextmanager
def _stage(app: Path) -> Iterator[Stage]:
    """Its sockets are in a folder of its own; a short one, because a socket's path may have 107 bytes."""
    sockets = Path(tempfile.mkdtemp(prefix="ipcb-"))
    yield Stage(app, sockets)
    shutil.rmtree(sockets)


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The counterpart of everything that runs JavaScript: with the wheel for this Python, or this checkout.

    It has NumPy and pyarrow, those of the checkout.
    """
    (this,) = [each for each in found_pythons() if each.name == THIS] or [Python(THIS, sys.executable, None)]
    python = this.install(tmp_path_factory.mktemp("python"))
    return ["env", f"PYTHONPATH={_packages(tmp_path_factory)}", python, "scenario.py"]


def _packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of them alone: what the checkout has installed besides does not come before the wheel."""
    folder = tmp_path_factory.mktemp("packages")
    for name in ("numpy", "numpy.libs", "pyarrow"):
        (folder / name).symlink_to(Path(sysconfig.get_path("platlib")) / name)
    return folder
