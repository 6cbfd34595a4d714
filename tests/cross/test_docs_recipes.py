"""The recipes of docs/recipes.md serve real requests, and answer them when the service is away."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import ROOT

import ipcbridge as ipc

_BLOCK = re.compile(r"```(?:js|python)\n((?://|#) (\S+)\n.*?)```", re.DOTALL)
FILES = {name: code for code, name in _BLOCK.findall((ROOT / "docs" / "recipes.md").read_text())}


@pytest.fixture
def folder(directory: Path) -> Iterator[Path]:
    """With the files of the recipes; within the checkout, for Node.js to find us."""
    with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="recipes-") as made:
        for name, code in FILES.items():
            (Path(made) / name).write_text(code)
        yield Path(made)


@pytest.fixture
def start(folder: Path) -> Iterator[Any]:
    """Starts a program, and returns it with the first line that matches; ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(line: str, *command: str | Path) -> tuple[subprocess.Popen[str], re.Match[str]]:
        program = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
        )
        started.append(program)
        assert program.stdout is not None
        said = ""
        for each in program.stdout:
            said += each
            if found := re.search(line, each):
                return program, found
        raise AssertionError(f"it ended: {said}")

    yield start
    for program in started:
        program.kill()
        program.communicate()


def _serve() -> ipc.Server:
    return ipc.serve("calc", {"add": lambda a, b: a + b})


def test_fastapi(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies
        from fastapi import testclient
    monkeypatch.syspath_prepend(str(folder))
    import api  # type: ignore[import-not-found]

    with _serve(), testclient.TestClient(api.app) as client:
        assert client.get("/sum?a=2&b=3").json() == {"sum": 5}
    with _serve() as server, testclient.TestClient(api.app) as client:  # on another loop
        assert client.get("/sum?a=2&b=3").json() == {"sum": 5}
        server.close()
        assert client.get("/sum?a=2&b=3").status_code == 503


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def _ask(path: Path) -> tuple[int, bytes]:
    connection = _UnixConnection(path)
    try:
        connection.request("GET", "/?a=2&b=3")
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("preload", [[], ["--preload"]], ids=["plain", "preload"])
def test_gunicorn(start: Any, directory: Path, preload: list[str]) -> None:
    path = directory / "http.sock"
    with _serve() as server:
        options = ["--bind", f"unix:{path}", "--workers", "2", *preload]
        program, _ = start("Listening at", sys.executable, "-m", "gunicorn", *options, "wsgi:app")
        for _ in range(8):
            assert _ask(path) == (200, b"5")
        server.close()
        assert _ask(path)[0] == 503
        program.terminate()
        assert program.wait(60) == 0


def test_express(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "0")
    with _serve() as server:
        program, found = start(r"listening on port (\d+)", "node", "server.cjs")
        url = f"http://127.0.0.1:{found[1]}/sum?a=2&b=3"
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert json.load(answer) == {"sum": 5}
        server.close()
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url, timeout=60)
        with caught.value as refusal:
            assert (refusal.status, json.load(refusal)) == (503, {"error": "deadline_exceeded"})
        program.send_signal(signal.SIGTERM)
        assert program.wait(60) == 0
