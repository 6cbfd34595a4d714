"""The recipes of docs/recipes.md for several workers, and for what restarts them: no call fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import ROOT
from recipes import Recipes, calls_that_do_not_fail, wait_for_line, wait_for_workers

import ipcbridge as ipc

too_slow_under_sanitizers = pytest.mark.skipif(
    "IPCBRIDGE_SANITIZED" in os.environ, reason="it starts programs anew for as long as they take seconds to start"
)


class _Pm2:
    """A PM2 of its own, with its daemon."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._variables = {"PM2_HOME": str(folder / "pm2"), "PM2_DISABLE_VERSION_CHECK": "true"}

    def __call__(self, *args: str) -> str:
        command = [ROOT / "node_modules" / ".bin" / "pm2", *args, "--no-color"]
        done = subprocess.run(
            command, cwd=self._folder, env=os.environ | self._variables, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def pm2(recipes: Recipes) -> Iterator[_Pm2]:
    pm2 = _Pm2(recipes.folder)
    yield pm2
    pm2("kill")


def test_workers_of_a_cluster_are_restarted(recipes: Recipes) -> None:
    program, _ = recipes.start("serving calc", "node", "workers.mjs")
    with ipc.connect("calc") as calc:
        first = wait_for_workers(calc, lambda pids: len(pids) == os.cpu_count())
        with calls_that_do_not_fail(calc):
            program.send_signal(signal.SIGHUP)
            wait_for_line(program, "restarted")
            second = wait_for_workers(calc, lambda pids: len(pids) == os.cpu_count() and not pids & first)
        os.kill(min(second), signal.SIGKILL)
        wait_for_workers(calc, lambda pids: len(pids) == os.cpu_count() and min(second) not in pids)
    program.terminate()
    assert program.wait(60) == 0


def test_workers_that_are_forked_are_started_again(recipes: Recipes) -> None:
    program, _ = recipes.start("serving calc", sys.executable, "workers.py")
    with ipc.connect("calc") as calc:
        first = wait_for_workers(calc, lambda pids: len(pids) == os.cpu_count())
        assert calc.add(2, 3) == 5
        os.kill(min(first), signal.SIGKILL)
        wait_for_workers(calc, lambda pids: len(pids) == os.cpu_count() and min(first) not in pids)
    program.terminate()
    assert program.wait(60) == 0


@too_slow_under_sanitizers
def test_pm2_reloads_a_service_and_no_call_fails(pm2: _Pm2) -> None:
    pm2("start", "ecosystem.config.cjs")
    with ipc.connect("calc") as calc:
        first = wait_for_workers(calc, lambda pids: len(pids) == 2)
        with calls_that_do_not_fail(calc):
            pm2("reload", "calc")
        wait_for_workers(calc, lambda pids: len(pids) == 2 and not pids & first)
    pm2("stop", "calc")
    for described in json.loads(pm2("jlist", "--silent")):
        assert (described["pm2_env"]["status"], described["pm2_env"]["exit_code"]) == ("stopped", 0)


def _expect_a_reload_without_a_failed_call(file: Path) -> None:
    with ipc.connect("calc") as calc:
        first = _pid(calc)
        with calls_that_do_not_fail(calc):
            while True:  # a change before the reloader has looked for the first time tells it nothing
                file.write_text(file.read_text() + "\n")
                if _is_another(calc, first):
                    break


def _pid(calc: Any) -> int | None:
    pid: int | None = ipc.status(calc)["peer_pid"]
    return pid


def _is_another(calc: Any, first: int | None) -> bool:
    """Within some seconds."""
    end = time.monotonic() + 5
    while (is_same := _pid(calc) in (first, None)) and time.monotonic() < end:
        time.sleep(0.01)
    return not is_same


@too_slow_under_sanitizers
def test_nodemon_reloads_a_service_and_no_call_fails(recipes: Recipes) -> None:
    nodemon = ROOT / "node_modules" / "nodemon" / "bin" / "nodemon.js"
    program, _ = recipes.start("starting", "node", nodemon, "--signal", "SIGTERM", "calc.cjs")
    _expect_a_reload_without_a_failed_call(recipes.folder / "calc.cjs")
    program.send_signal(signal.SIGTERM)
    program.wait(60)


def test_uvicorn_reloads_a_service_and_no_call_fails(recipes: Recipes) -> None:
    program, _ = recipes.start(
        "startup complete", sys.executable, "-m", "uvicorn", "live:app", "--reload", "--port", "0"
    )
    _expect_a_reload_without_a_failed_call(recipes.folder / "live.py")
    program.terminate()
    program.wait(60)


def test_workers_of_uvicorn_share_a_name(recipes: Recipes) -> None:
    code = (recipes.folder / "live.py").read_text()
    (recipes.folder / "live.py").write_text(
        code.replace('aio.serve("calc", {"add": add})', 'aio.serve("calc", {"add": add}, shared=True)')
    )
    options = ["--workers", "2", "--port", "0"]
    program, _ = recipes.start("startup complete", sys.executable, "-m", "uvicorn", "live:app", *options)
    with ipc.connect("calc") as calc:
        wait_for_workers(calc, lambda pids: len(pids) == 2)
        assert calc.add(2, 3) == 5
    program.terminate()
    assert program.wait(60) == 0
