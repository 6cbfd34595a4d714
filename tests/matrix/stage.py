"""Plays the scenario: a client and a server of it, in processes of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtimes import ENVIRONMENT

TRANSPORTS = ("shm", "unix")
# Seconds in which a process that has nothing left to do ends by itself.
_END = 30


class Actor:
    """A program of the scenario, which runs."""

    def __init__(self, process: subprocess.Popen[str], stderr: Path) -> None:
        self._process = process
        self._stderr = stderr

    def awaits(self, wanted: str) -> None:
        """Reads on until it says so."""
        for line in self._lines():
            if line == wanted:
                return
        raise AssertionError(f"it has not said {wanted!r}: {self._complaint()}")

    def results(self) -> list[str]:
        """All that it says of its steps, which have gone well."""
        lines = list(self._lines())
        failed = [line for line in lines if line.startswith("not ok")]
        assert not failed, "\n".join([*failed, self._complaint()])
        return [line for line in lines if line.startswith("ok")]

    def ends_well(self) -> None:
        """By itself, as nobody closes anything."""
        try:
            code = self._process.wait(_END)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end: {self._complaint()}") from None
        assert code == 0, f"it ended with {code}: {self._complaint()}"

    def complains_of_nothing(self) -> None:
        assert not self._stderr.read_text(), self._complaint()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _lines(self) -> Iterator[str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield line.rstrip("\n")

    def _complaint(self) -> str:
        command = self._process.args
        assert isinstance(command, list)
        return f"{' '.join(map(str, command))}\n{self._stderr.read_text()[-4000:]}"


class Stage:
    def __init__(self, app: Path, sockets: Path) -> None:
        self.app = app
        self._sockets = sockets
        self._stderrs = 0

    @property
    def addresses(self) -> list[str]:
        return [f"{transport}://{self._sockets}/{transport}" for transport in TRANSPORTS]

    @contextmanager
    def starts(self, program: list[str], command: str, *addresses: str) -> Iterator[Actor]:
        self._stderrs += 1
        stderr = self._sockets / f"stderr-{self._stderrs}"
        environment = {**ENVIRONMENT, "IPCBRIDGE_DIR": str(self._sockets)}
        with stderr.open("w") as log:
            process = subprocess.Popen(
                [*program, command, *addresses],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.app,
                env=environment,
            )
        with process:
            try:
                yield Actor(process, stderr)
            finally:
                process.kill()

    def calls(self, client: list[str], server: list[str]) -> None:
        """All steps over each transport; then the client has the server close, and both end by themselves."""
        with self.starts(server, "serve", *self.addresses) as service:
            service.awaits("up")
            with self.starts(client, "call", *self.addresses) as caller:
                results = caller.results()
                caller.ends_well()
            service.ends_well()
        of_each = [[line for line in results if line.endswith(transport)] for transport in TRANSPORTS]
        assert len(of_each[0]) == len(of_each[1]) > 5, results

    def abandonment(self, client: list[str], server: list[str]) -> None:
        """The client's main thread ends while others are in calls, and the process with it, as if there were none."""
        with self.starts(server, "serve", *self.addresses) as service:
            service.awaits("up")
            with self.starts(client, "abandon", *self.addresses) as caller:
                caller.awaits("abandoning")
                caller.ends_well()
                caller.complains_of_nothing()

    def losses(self, client: list[str], server: list[str]) -> None:
        """The client is killed in the middle of a call, and the server hears of it; then the other way round."""
        with self.starts(server, "serve", *self.addresses) as service:
            service.awaits("up")
            with self.starts(client, "hang", *self.addresses) as caller:
                caller.awaits("hanging")
                caller.kill()
            for _ in self.addresses:
                service.awaits("gone")
            with self.starts(client, "lose", *self.addresses) as caller:
                assert len(caller.results()) == len(self.addresses)
                caller.ends_well()
