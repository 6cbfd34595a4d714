"""The recipes of docs/recipes.md serve real requests, and answer them when the service is away."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from recipes import FILES, Recipes, calls_that_do_not_fail, wait_for_line, wait_for_workers

import ipcbridge as ipc


def _serve() -> ipc.Server:
    return ipc.serve("calc", {"add": lambda a, b: a + b})


def test_fastapi(recipes: Recipes, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies
        from fastapi import testclient
    monkeypatch.syspath_prepend(str(recipes.folder))
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
def test_gunicorn(recipes: Recipes, directory: Path, preload: list[str]) -> None:
    path = directory / "http.sock"
    with _serve() as server:
        options = ["--bind", f"unix:{path}", "--workers", "2", *preload]
        program, _ = recipes.start("Listening at", sys.executable, "-m", "gunicorn", *options, "wsgi:app")
        for _ in range(8):
            assert _ask(path) == (200, b"5")
        server.close()
        assert _ask(path)[0] == 503
        program.terminate()
        assert program.wait(60) == 0


def test_gunicorn_whose_workers_have_a_client_of_before_they_were_forked(recipes: Recipes, directory: Path) -> None:
    path = directory / "http.sock"
    (recipes.folder / "preloaded.py").write_text(
        """
import ipcbridge as ipc

calc = ipc.connect("calc", reconnect_after_fork=True)
add = calc.add
assert add(1, 1) == 2  # it is connected


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(add(2, 3)).encode()]
"""
    )
    with _serve():
        options = ["--bind", f"unix:{path}", "--workers", "2", "--preload"]
        program, _ = recipes.start("Listening at", sys.executable, "-m", "gunicorn", *options, "preloaded:app")
        for _ in range(8):
            assert _ask(path) == (200, b"5")
        program.terminate()
        assert program.wait(60) == 0


def test_gunicorn_whose_workers_serve(recipes: Recipes, directory: Path) -> None:
    path = directory / "http.sock"
    command = [sys.executable, "-m", "gunicorn", "--config", "web.conf.py", "--bind", f"unix:{path}", "web:app"]
    program, _ = recipes.start("Listening at", *command)
    with ipc.connect("calc") as calc:
        first = wait_for_workers(calc, lambda pids: len(pids) == 2)
        assert _ask(path) == (200, b"5")
        with calls_that_do_not_fail(calc):
            program.send_signal(signal.SIGHUP)
            wait_for_workers(calc, lambda pids: len(pids) == 2 and not pids & first)
        assert _ask(path) == (200, b"5")
    program.terminate()
    assert program.wait(60) == 0


def test_gunicorn_whose_workers_are_of_greenlets(recipes: Recipes, directory: Path) -> None:
    path = directory / "http.sock"
    with _serve():
        options = ["--bind", f"unix:{path}", "--worker-class", "gevent"]
        program, _ = recipes.start("Listening at", sys.executable, "-m", "gunicorn", *options, "wsgi:app")
        assert _ask(path) == (503, b"failed_precondition")
        program.terminate()
        assert program.wait(60) == 0


def test_greenlets(recipes: Recipes) -> None:
    with _serve():
        done = subprocess.run(
            [sys.executable, "greenlets.py"], cwd=recipes.folder, capture_output=True, text=True, timeout=60
        )
        assert (done.stdout, done.stderr) == ("[1, 2, 3]\n", "")


def test_express(recipes: Recipes) -> None:
    with _serve() as server:
        program, found = recipes.start(r"listening on port (\d+)", "node", "server.cjs", PORT="0")
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


CELERY = """
broker_url = "filesystem://"
broker_transport_options = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}
result_backend = "file://results"
"""


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_celery(pool: str, recipes: Recipes) -> None:
    for name in ("queue", "control", "results"):
        (recipes.folder / name).mkdir()
    (recipes.folder / "celeryconfig.py").write_text(CELERY)
    options = ["--pool", pool, "--concurrency", "2", "--without-mingle", "--without-gossip"]
    worker, _ = recipes.start(
        r"@\S+ ready", sys.executable, "-m", "celery", "-A", "tasks", "worker", "-l", "INFO", *options
    )
    ask = "import tasks; print([tasks.add.delay(n, b=1).get(timeout=60) for n in range(4)])"
    with _serve():
        done = subprocess.run(
            [sys.executable, "-c", ask], cwd=recipes.folder, capture_output=True, text=True, timeout=90
        )
        assert done.stdout == "[1, 2, 3, 4]\n", done.stderr
    worker.terminate()
    assert worker.wait(60) == 0


# As Compose runs them, as far as that goes without a container.
APART = ("unshare", "--pid", "--ipc", "--fork", "--kill-child")


def _can_be_apart() -> bool:
    return shutil.which("unshare") is not None and subprocess.run([*APART, "true"], capture_output=True).returncode == 0


def _first_process(container: subprocess.Popen[str]) -> int:
    children = Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split()
    return int(children[0]) if children else container.pid


def test_the_containers_of_docker_compose_meet_in_a_directory(recipes: Recipes, directory: Path) -> None:
    compose = yaml.safe_load(FILES["compose.yaml"])
    services = compose["services"]
    assert len({service["user"] for service in services.values()}) == 1
    for service in services.values():
        volume, mounted_at = service["volumes"][0].split(":")
        assert volume in compose["volumes"]
        assert service["environment"]["IPCBRIDGE_DIR"] == mounted_at
    within = APART if _can_be_apart() else ()

    def run(service: dict[str, Any]) -> subprocess.Popen[str]:
        interpreter, program = shlex.split(service["command"])
        command = sys.executable if interpreter == "python" else interpreter
        variables = service["environment"] | {"IPCBRIDGE_DIR": str(directory), "PORT": "0"}
        return recipes.launch(*within, command, program, **variables)

    web, calc = run(services["web"]), run(services["calc"])
    port = wait_for_line(web, r"listening on port (\d+)")[1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/sum?a=2&b=3", timeout=60) as answer:
        assert json.load(answer) == {"sum": 5}
    for container in (web, calc):  # docker compose stop
        os.kill(_first_process(container), signal.SIGTERM)
        assert container.wait(60) == 0
