"""Python processes that tests start, talk to by lines, and kill."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap

PRELUDE = """
import itertools, os, signal, sys, threading, time
import asyncio
import ipcbridge as ipc
from ipcbridge import aio
def say(text):
    print(text, flush=True)
def in_main():
    return threading.current_thread() is threading.main_thread()
"""


def can_unshare() -> bool:
    """Whether run_in_container() can be had here."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True, check=False).returncode == 0


class Child(subprocess.Popen[str]):
    def line(self) -> str:
        """Waits for the next line; '' at the end."""
        assert self.stdout is not None
        return self.stdout.readline().rstrip("\n")

    def expect(self, line: str) -> None:
        """Waits for this line."""
        said = self.line()
        assert said == line, f"expected {line!r}, got {said!r}; stderr: {self.rest()[1] if not said else ''}"

    def rest(self) -> tuple[str, str]:
        """What it still says until it ends."""
        return self.communicate(timeout=60)

    def go_on(self) -> None:
        """Ends the readline() of its standard input in which it waits."""
        assert self.stdin is not None
        self.stdin.write("\n")
        self.stdin.flush()

    def interrupt(self) -> None:
        self.send_signal(signal.SIGINT)

    def stop(self) -> None:
        self.send_signal(signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)  # the signal takes effect a moment after it was sent

    def resume(self) -> None:
        self.send_signal(signal.SIGCONT)


class Children:
    def __init__(self) -> None:
        self._started: list[Child] = []

    def run(self, code: str, *flags: str) -> Child:
        """Starts a process that runs `code` with ipcbridge imported; say(text) prints a line."""
        return self._start(PRELUDE + textwrap.dedent(code), *flags)

    def run_bare(self, code: str) -> Child:
        """The same with nothing but say() and sys."""
        return self._start("import sys\ndef say(text):\n    print(text, flush=True)\n" + textwrap.dedent(code))

    def run_in_container(self, code: str) -> Child:
        """As run(), as the first process of a PID namespace."""
        return self._start(PRELUDE + textwrap.dedent(code), within=("unshare", "--pid", "--fork", "--kill-child"))

    def _start(self, code: str, *flags: str, within: tuple[str, ...] = ()) -> Child:
        child = Child(
            [*within, sys.executable, *flags, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(child)
        return child

    def serve(self, address: str, code: str = "", **options: object) -> Child:
        """A process that serves `service` at the address: add, echo, sleep, pid, and what `code` adds to it."""
        child = self.run(
            "service = {'add': lambda a, b=0: a + b, 'echo': lambda x: x, 'sleep': time.sleep, 'pid': os.getpid}\n"
            + textwrap.dedent(code)
            + f"\nserver = ipc.serve({address!r}, service, **{options!r})\nsay('ready')\nserver.wait()"
        )
        child.expect("ready")
        return child

    def end(self) -> None:
        for child in self._started:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            child.communicate()
