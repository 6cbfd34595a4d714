"""A Python program that PyInstaller has frozen, into a folder and into one file, serves and calls as it did before."""

from __future__ import annotations

import os
import pkgutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from harness import Peer

import ipcbridge

Make = Callable[..., Peer]
# What programs may come to import; not what they import by name, if at all.
MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(ipcbridge.__path__, "ipcbridge.")
    if name.split(".")[1] not in ("testing", "__main__", "_doctor")
]
# Uses what is imported only when it is used, some of it by the native module.
PROGRAM = """
import asyncio
import datetime
import importlib
import multiprocessing
import sys

import ipcbridge as ipc


async def half(x):
    return x / 2


def call(function, x):
    return function(x)


def fail():
    raise LookupError("nothing there")


def count(n):
    yield from range(n)


async def use_asyncio():
    async with ipc.aio.serve("loop", {"half": half}), ipc.aio.connect("loop") as loop:
        return await loop.half(3)


def use(address):
    with ipc.connect(address) as remote:
        return remote.call(lambda x: x + 1, 1)


def main():
    multiprocessing.freeze_support()
    for module in sys.argv[1:]:
        importlib.import_module(module)
    service = {"half": half, "call": call, "fail": fail, "count": count, "day": lambda: datetime.date(2020, 1, 2)}
    with ipc.serve("frozen", service) as server, ipc.connect("frozen") as frozen:
        assert (frozen.half(1), frozen.call(lambda x: 2 * x, 4), list(frozen.count(3))) == (0.5, 8, [0, 1, 2])
        assert ipc.submit(frozen).half(2).result() == 1
        assert frozen.day() == "2020-01-02"
        for wrong in (frozen.fail, lambda: frozen.half(object())):
            try:
                wrong()
            except (ipc.IpcError, TypeError) as error:
                assert str(error)
            else:
                raise AssertionError(wrong)
        assert asyncio.run(use_asyncio()) == 1.5
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.map(use, ["frozen"]) == [2]
        ipc.close_on_signals(server, exit_code=0)
        print("serving", flush=True)
        server.wait()


if __name__ == "__main__":
    main()
"""
# Both at once: what the program imports is looked for once.
SPEC = """
a = Analysis(["program.py"], excludes=["numpy", "pandas"])
pyz = PYZ(a.pure)
file = EXE(pyz, a.scripts, a.binaries, a.datas, name="one_file", strip=True)
program = EXE(pyz, a.scripts, exclude_binaries=True, name="program", strip=True)
folder = COLLECT(program, a.binaries, a.datas, name="folder", strip=True)
"""


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the frozen programs are."""
    folder = tmp_path_factory.mktemp("frozen")
    (folder / "program.py").write_text(PROGRAM)
    (folder / "program.spec").write_text(SPEC)
    command = [sys.executable, "-m", "PyInstaller", "--log-level", "WARN", "program.spec"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    return folder / "dist"


@pytest.fixture
def start(directory: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a program, with nothing of this process's environment; ended with the test."""
    started: list[subprocess.Popen[str]] = []
    environment = {"PATH": "/usr/bin:/bin", "IPCBRIDGE_DIR": str(directory)}

    def start(*command: str | Path) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
        )
        return started[-1]

    yield start
    for program in started:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)  # with the one that a single file starts
        program.communicate()


@pytest.mark.parametrize("program", ["folder/program", "one_file"])
def test_a_frozen_program_serves_and_calls(
    program: str, frozen: Path, start: Callable[..., subprocess.Popen[str]], peers: Make
) -> None:
    running = start(frozen / program, *MODULES)
    assert running.stdout is not None
    assert running.stdout.readline() == "serving\n"
    client = peers("node")
    client.do("connect", **{"as": "c"}, address="frozen")
    assert client.do("call", on="c", method="half", args=[3]) == {"float": "1.5"}
    running.terminate()
    assert running.wait(60) == 0
