"""The recipes of docs/recipes.md: their files, and the programs that they make."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from harness import ROOT

import ipcbridge as ipc

_BLOCK = re.compile(r"```(?:js|python|yaml)\n((?://|#) (\S+)\n.*?)```", re.DOTALL)
FILES = {name: code for code, name in _BLOCK.findall((ROOT / "docs" / "recipes.md").read_text())}


class Recipes:
    """A folder with the files; within the checkout, for Node.js to find us. Its programs end with it."""

    def __init__(self) -> None:
        self._made = tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="recipes-")
        self.folder = Path(self._made.name)
        for name, code in FILES.items():
            (self.folder / name).write_text(code)
        self._started: list[subprocess.Popen[str]] = []

    def launch(self, *command: str | Path, **variables: str) -> subprocess.Popen[str]:
        program = subprocess.Popen(
            command,
            cwd=self.folder,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        self._started.append(program)
        return program

    def start(self, line: str, *command: str | Path, **variables: str) -> tuple[subprocess.Popen[str], re.Match[str]]:
        """A program, with the first line that matches."""
        program = self.launch(*command, **variables)
        return program, wait_for_line(program, line)

    def end(self) -> None:
        for program in self._started:
            with suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)  # with the workers that it has started
            program.communicate()
        self._made.cleanup()


def wait_for_line(program: subprocess.Popen[str], line: str) -> re.Match[str]:
    """The first that matches of those that it prints."""
    assert program.stdout is not None
    said = ""
    for each in program.stdout:
        said += each
        if found := re.search(line, each):
            return found
    raise AssertionError(f"it ended: {said}")


def _pids(calc: Any) -> set[int]:
    """Of the workers that a client is connected to."""
    return {link["peer_pid"] for link in ipc.status(calc)["links"] if link["state"] == "ready"}


def wait_for_workers(calc: Any, are_there: Callable[[set[int]], bool]) -> set[int]:
    while not are_there(pids := _pids(calc)):  # nobody tells of the links of a list
        time.sleep(0.01)
    return pids


def _calls_until(calc: Any, is_over: threading.Event) -> set[int]:
    answers = set()
    while not is_over.is_set():
        answers.add(calc.add(2, 3))
    return answers


@contextmanager
def calls_that_do_not_fail(calc: Any) -> Iterator[None]:
    is_over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(_calls_until, calc, is_over)
        try:
            yield
        finally:
            is_over.set()
        assert answers.result() == {5}
