"""The systemd units of docs/life_cycle.md run as systemd would run them, and are what its tools take."""

from __future__ import annotations

import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from harness import HERE, PATIENCE, ROOT

import ipcbridge as ipc

PAGE = (ROOT / "docs" / "life_cycle.md").read_text()
UNITS = {name: code for code, name in re.findall(r"```ini\n(# \S+/(\S+)\n.*?)```", PAGE, re.DOTALL)}
PROGRAMS = {name: code for code, name in re.findall(r"```js\n(// /opt/calc/(\S+)\n.*?)```", PAGE, re.DOTALL)}
ACTIVATE = shutil.which("systemd-socket-activate")
ANALYZE = shutil.which("systemd-analyze")


class Units:
    """As systemd reads them, in a folder in place of /opt/calc and of the user's %t."""

    def __init__(self, opt: Path, runtime: Path) -> None:
        self.runtime = runtime
        self.text = {name: self._here(text, opt) for name, text in UNITS.items()}
        self.service = self._read("calc.service", "Service")
        self.socket = self._read("calc.socket", "Socket")

    def _here(self, text: str, opt: Path) -> str:
        return text.replace("/usr/bin/node", shutil.which("node") or "node").replace("/opt/calc", str(opt))

    def _read(self, name: str, section: str) -> dict[str, str]:
        parser = ConfigParser(interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(self.text[name])
        return dict(parser[section])

    @property
    def path(self) -> Path:
        """Of the socket."""
        return Path(self.socket["ListenStream"].replace("%t", str(self.runtime)))

    def listen(self) -> socket.socket:
        self.path.parent.mkdir(mode=int(self.socket["DirectoryMode"], 8))
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self.path))
        self.path.chmod(int(self.socket["SocketMode"], 8))
        listening.listen()
        return listening


@pytest.fixture
def units(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Units]:
    # Where systemd has it, /run/user/UID/ipcbridge, is where names are without this variable.
    monkeypatch.setenv("IPCBRIDGE_DIR", str(directory / "ipcbridge"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="opt-") as opt:  # where Node.js finds us
        for name, code in PROGRAMS.items():
            (Path(opt) / name).write_text(code)
        yield Units(Path(opt), directory)


@pytest.fixture
def manager(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket that systemd reads."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.settimeout(PATIENCE)
        made.bind(str(directory / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(directory / "notify"))
        yield made


@pytest.fixture
def launch() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a program, which is ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def launch(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(command, **options))
        return started[-1]

    yield launch
    for program in started:
        program.kill()
        program.wait()


def expect_end(program: subprocess.Popen[bytes], manager: socket.socket, unit: dict[str, str]) -> None:
    """Stops a service as systemd does."""
    program.send_signal(signal.SIGTERM)
    assert manager.recv(100) == b"STOPPING=1"
    assert program.wait(PATIENCE) == int(unit["SuccessExitStatus"])


@pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units(units: Units, directory: Path) -> None:
    files = [directory / name for name in units.text]
    for file in files:
        file.write_text(units.text[file.name])
    done = subprocess.run([str(ANALYZE), "--user", "verify", *map(str, files)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_says_when_it_is_ready_and_ends_as_the_unit_expects(
    units: Units, manager: socket.socket, launch: Any
) -> None:
    assert units.service["Type"] == "notify"
    program = launch(shlex.split(units.service["ExecStart"]))
    assert manager.recv(100) == b"READY=1"
    with ipc.connect("calc", connect_timeout=0) as calc:
        assert calc.add(2, 3) == 5
    expect_end(program, manager, units.service)


def test_the_socket_starts_the_service_with_its_first_client_and_a_restart_fails_no_call(
    units: Units, manager: socket.socket, launch: Any
) -> None:
    command = shlex.split(units.service["ExecStart"])
    with units.listen() as listening:

        def start() -> subprocess.Popen[bytes]:
            assert select.select([listening], [], [], PATIENCE)[0]
            descriptor = listening.fileno()
            passing = [sys.executable, str(HERE / "peers" / "activated.py"), str(descriptor), "calc.socket"]
            program: subprocess.Popen[bytes] = launch([*passing, *command], pass_fds=(descriptor,))
            assert manager.recv(100) == b"READY=1"
            return program

        with ipc.connect("calc", lazy=True) as calc:
            call = ipc.submit(calc).add(2, 3)
            first = start()
            assert call.result(PATIENCE) == 5
            assert calc.add(3, 4) == 7
            expect_end(first, manager, units.service)
            call = ipc.submit(calc).add(4, 5)
            second = start()
            assert call.result(PATIENCE) == 9
            expect_end(second, manager, units.service)
        assert units.path.is_socket()


@pytest.mark.skipif(ACTIVATE is None, reason="needs systemd-socket-activate")
def test_the_service_takes_the_socket_as_systemd_itself_passes_it(
    units: Units, manager: socket.socket, launch: Any, directory: Path
) -> None:
    units.path.parent.mkdir(mode=int(units.socket["DirectoryMode"], 8))
    variables = [f"--setenv={name}" for name in ("IPCBRIDGE_DIR", "NOTIFY_SOCKET")]
    options = [f"--listen={units.path}", "--fdname=calc.socket", *variables]
    program = launch([str(ACTIVATE), *options, *shlex.split(units.service["ExecStart"])])
    with ipc.connect("calc", connect_timeout=PATIENCE) as calc:
        assert calc.add(2, 3) == 5
        assert manager.recv(100) == b"READY=1"
    expect_end(program, manager, units.service)
    assert units.path.is_socket()
