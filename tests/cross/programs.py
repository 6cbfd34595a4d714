"""Programs of a test's own in processes of their own, of either language."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from harness import COMMANDS, HERE, PATIENCE

_BEGINNINGS = {"node": "import ipc from 'ipcbridge'\n", "python": "import ipcbridge as ipc\n"}
_RUN = {"node": [COMMANDS["node"][0], "--input-type=module", "--eval"], "python": [sys.executable, "-c"]}


def _start(language: str, program: str, *args: str) -> subprocess.Popen[str]:
    command = [*_RUN[language], _BEGINNINGS[language] + program, *args]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=HERE)


@contextmanager
def running(language: str, program: str, *args: str) -> Iterator[None]:
    """One that prints a line when others may begin, until the block ends."""
    process = _start(language, program, *args)
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), process.communicate()[1]
        yield
    finally:
        process.kill()
        process.communicate()


def run(language: str, program: str) -> subprocess.CompletedProcess[str]:
    """One to its end."""
    process = _start(language, program)
    try:
        stdout, stderr = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return subprocess.CompletedProcess(program, process.returncode, stdout, stderr)
