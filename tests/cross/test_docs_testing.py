"""The tests that docs/testing.md shows run under pytest, Jest and Vitest, in several workers."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import ROOT

_BLOCK = re.compile(r"```(?:js|python)\n((?://|#) (\S+)\n.*?)```", re.DOTALL)
FILES = {name: code for code, name in _BLOCK.findall((ROOT / "docs" / "testing.md").read_text())}
COPIES = 3  # of a file of tests, for workers to run at the same time


@pytest.fixture
def folder(directory: Path) -> Iterator[Path]:
    """Within the checkout, for Node.js to find us."""
    with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="docs-testing-") as made:
        yield Path(made)


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _copies(folder: Path, name: str) -> None:
    stem, _, ending = name.partition(".")
    for number in range(COPIES):
        (folder / f"{stem}_{number}.{ending}").write_text(FILES[name])


def test_pytest_with_workers(folder: Path) -> None:
    _copies(folder, "test_greetings.py")
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    said = _run(sys.executable, "-m", "pytest", "-n", "2", "-p", "no:cacheprovider", cwd=folder)
    assert f"{3 * COPIES} passed" in said


@pytest.mark.parametrize("workers", ["threads", "processes"])
def test_jest(folder: Path, workers: str) -> None:
    _copies(folder, "greetings.test.js")
    options = ["--workerThreads"] if workers == "threads" else []
    jest = ROOT / "node_modules" / ".bin" / "jest"
    said = _run(jest, "--rootDir", folder, "--maxWorkers=2", "--no-cache", *options, cwd=folder)
    assert f"{2 * COPIES} passed" in said
    assert "did not exit" not in said


USES = """
const ipc = require('ipcbridge')

test('closed', async () => {
  const server = await ipc.serve('NAME', { *rows() { yield 1; yield 2 }, call: f => f(1) })
  const remote = await ipc.connect('NAME')
  expect(await (await remote.rows()).toArray()).toEqual([1, 2])
  expect(await remote.call(x => x + 1)).toBe(2)
  await ipc.close(remote)
  await server.close()
})

test('left open', async () => {
  const server = (await ipc.serve('NAME', { echo: x => x })).unref()
  const remote = await ipc.connect('NAME')
  expect(await remote.echo(1)).toBe(1)
})
"""


@pytest.mark.parametrize("option", ["--detectOpenHandles", "--runInBand"])
def test_jest_finds_no_open_handles(folder: Path, option: str) -> None:
    for name in ("first", "second"):
        (folder / f"{name}.test.js").write_text(USES.replace("NAME", name))
    jest = ROOT / "node_modules" / ".bin" / "jest"
    said = _run(jest, "--rootDir", folder, "--transform", "{}", option, cwd=folder)
    assert "4 passed" in said
    assert "open handle" not in said
    assert "did not exit" not in said


def test_jest_finds_a_server_that_is_left_open(folder: Path) -> None:
    test = "test('left open', async () => { await require('ipcbridge').serve('left', { echo: x => x }) })"
    (folder / "left.test.js").write_text(test)
    jest = ROOT / "node_modules" / ".bin" / "jest"
    options = ["--transform", "{}", "--detectOpenHandles", "--forceExit"]
    said = _run(jest, "--rootDir", folder, *options, cwd=folder)
    assert re.search(r"1 open handle.*IPCBRIDGE_SERVER.*left\.test\.js:1:", said, re.DOTALL), said


@pytest.mark.parametrize("pool", ["threads", "forks"])
def test_vitest(folder: Path, pool: str) -> None:
    _copies(folder, "greetings.spec.js")
    vitest = ROOT / "node_modules" / ".bin" / "vitest"
    said = _run(vitest, "run", "--root", folder, f"--pool={pool}", cwd=folder)
    assert re.search(rf"\b{2 * COPIES} passed", re.sub(r"\x1b\[[0-9;]*m", "", said)), said
