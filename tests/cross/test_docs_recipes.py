"""The recipes of docs/recipes.md serve real requests, and answer them when the service is away."""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import ROOT

import ipcbridge as ipc

_BLOCK = re.compile(r"```(?:js|python|yaml)\n((?://|#) (\S+)\n.*?)```", re.DOTALL)
too_slow_under_sanitizers = pytest.mark.skipif(
    "IPCBRIDGE_SANITIZED" in os.environ, reason="it starts programs anew for as long as they take seconds to start"
)
Launch = Callable[..., "subprocess.Popen[str]"]
FILES = {name: code for code, name in _BLOCK.findall((ROOT / "docs" / "recipes.md").read_text())}


@pytest.fixture
def folder(directory: Path) -> Iterator[Path]:
    """With the files of the recipes; within the checkout, for Node.js to find us."""
    with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="recipes-") as made:
        for name, code in FILES.items():
            (Path(made) / name).write_text(code)
        yield Path(made)


@pytest.fixture
def launch(folder: Path) -> Iterator[Launch]:
    """Starts a program, which is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def launch(*command: str | Path, **variables: str) -> subprocess.Popen[str]:
        env = os.environ | variables
        program = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        started.append(program)
        return program

    yield launch
    for program in started:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)  # with the workers that it has started
        program.communicate()


def wait_for_line(program: subprocess.Popen[str], line: str) -> re.Match[str]:
    """The first that matches of those that it prints."""
    assert program.stdout is not None
    said = ""
    for each in program.stdout:
        said += each
        if found := re.search(line, each):
            return found
    raise AssertionError(f"it ended: {said}")


@pytest.fixture
def start(launch: Launch) -> Any:
    """Starts a program, and returns it with the first line that matches."""

    def start(line: str, *command: str | Path, **variables: str) -> tuple[subprocess.Popen[str], re.Match[str]]:
        program = launch(*command, **variables)
        return program, wait_for_line(program, line)

    return start


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


def test_gunicorn_whose_workers_have_a_client_of_before_they_were_forked(
    start: Any, folder: Path, directory: Path
) -> None:
    path = directory / "http.sock"
    (folder / "preloaded.py").write_text(
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
        program, _ = start("Listening at", sys.executable, "-m", "gunicorn", *options, "preloaded:app")
        for _ in range(8):
            assert _ask(path) == (200, b"5")
        program.terminate()
        assert program.wait(60) == 0


def test_gunicorn_whose_workers_serve(start: Any, directory: Path) -> None:
    path = directory / "http.sock"
    command = [sys.executable, "-m", "gunicorn", "--config", "web.conf.py", "--bind", f"unix:{path}", "web:app"]
    program, _ = start("Listening at", *command)
    with ipc.connect("calc") as calc:
        first = _wait_for_workers(calc, lambda pids: len(pids) == 2)
        assert _ask(path) == (200, b"5")
        with _calls_that_do_not_fail(calc):
            program.send_signal(signal.SIGHUP)
            _wait_for_workers(calc, lambda pids: len(pids) == 2 and not pids & first)
        assert _ask(path) == (200, b"5")
    program.terminate()
    assert program.wait(60) == 0


def test_gunicorn_whose_workers_are_of_greenlets(start: Any, directory: Path) -> None:
    path = directory / "http.sock"
    with _serve():
        options = ["--bind", f"unix:{path}", "--worker-class", "gevent"]
        program, _ = start("Listening at", sys.executable, "-m", "gunicorn", *options, "wsgi:app")
        assert _ask(path) == (503, b"failed_precondition")
        program.terminate()
        assert program.wait(60) == 0


def test_greenlets(folder: Path) -> None:
    with _serve():
        done = subprocess.run([sys.executable, "greenlets.py"], cwd=folder, capture_output=True, text=True, timeout=60)
        assert (done.stdout, done.stderr) == ("[1, 2, 3]\n", "")


def test_express(start: Any) -> None:
    with _serve() as server:
        program, found = start(r"listening on port (\d+)", "node", "server.cjs", PORT="0")
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
def test_celery(pool: str, folder: Path, start: Any) -> None:
    for name in ("queue", "control", "results"):
        (folder / name).mkdir()
    (folder / "celeryconfig.py").write_text(CELERY)
    options = ["--pool", pool, "--concurrency", "2", "--without-mingle", "--without-gossip"]
    worker, _ = start(r"@\S+ ready", sys.executable, "-m", "celery", "-A", "tasks", "worker", "-l", "INFO", *options)
    ask = "import tasks; print([tasks.add.delay(n, b=1).get(timeout=60) for n in range(4)])"
    with _serve():
        done = subprocess.run([sys.executable, "-c", ask], cwd=folder, capture_output=True, text=True, timeout=90)
        assert done.stdout == "[1, 2, 3, 4]\n", done.stderr
    worker.terminate()
    assert worker.wait(60) == 0


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
def pm2(folder: Path) -> Iterator[_Pm2]:
    pm2 = _Pm2(folder)
    yield pm2
    pm2("kill")


def _pids(calc: Any) -> set[int]:
    """Of the workers that a client is connected to."""
    return {link["peer_pid"] for link in ipc.status(calc)["links"] if link["state"] == "ready"}


def _wait_for_workers(calc: Any, are_there: Callable[[set[int]], bool]) -> set[int]:
    while not are_there(pids := _pids(calc)):  # nobody tells of the links of a list
        time.sleep(0.01)
    return pids


def _calls_until(calc: Any, is_over: threading.Event) -> set[int]:
    answers = set()
    while not is_over.is_set():
        answers.add(calc.add(2, 3))
    return answers


@contextmanager
def _calls_that_do_not_fail(calc: Any) -> Iterator[None]:
    is_over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(_calls_until, calc, is_over)
        try:
            yield
        finally:
            is_over.set()
        assert answers.result() == {5}


def test_workers_of_a_cluster_are_restarted(start: Any) -> None:
    program, _ = start("serving calc", "node", "workers.mjs")
    with ipc.connect("calc") as calc:
        first = _wait_for_workers(calc, lambda pids: len(pids) == os.cpu_count())
        with _calls_that_do_not_fail(calc):
            program.send_signal(signal.SIGHUP)
            wait_for_line(program, "restarted")
            second = _wait_for_workers(calc, lambda pids: len(pids) == os.cpu_count() and not pids & first)
        os.kill(min(second), signal.SIGKILL)
        _wait_for_workers(calc, lambda pids: len(pids) == os.cpu_count() and min(second) not in pids)
    program.terminate()
    assert program.wait(60) == 0


def test_workers_that_are_forked_are_started_again(start: Any) -> None:
    program, _ = start("serving calc", sys.executable, "workers.py")
    with ipc.connect("calc") as calc:
        first = _wait_for_workers(calc, lambda pids: len(pids) == os.cpu_count())
        assert calc.add(2, 3) == 5
        os.kill(min(first), signal.SIGKILL)
        _wait_for_workers(calc, lambda pids: len(pids) == os.cpu_count() and min(first) not in pids)
    program.terminate()
    assert program.wait(60) == 0


@too_slow_under_sanitizers
def test_pm2_reloads_a_service_and_no_call_fails(pm2: _Pm2) -> None:
    pm2("start", "ecosystem.config.cjs")
    with ipc.connect("calc") as calc:
        first = _wait_for_workers(calc, lambda pids: len(pids) == 2)
        with _calls_that_do_not_fail(calc):
            pm2("reload", "calc")
        _wait_for_workers(calc, lambda pids: len(pids) == 2 and not pids & first)
    pm2("stop", "calc")
    for described in json.loads(pm2("jlist", "--silent")):
        assert (described["pm2_env"]["status"], described["pm2_env"]["exit_code"]) == ("stopped", 0)


def _expect_a_reload_without_a_failed_call(file: Path) -> None:
    with ipc.connect("calc") as calc:
        first = _pid(calc)
        with _calls_that_do_not_fail(calc):
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
def test_nodemon_reloads_a_service_and_no_call_fails(start: Any, folder: Path) -> None:
    nodemon = ROOT / "node_modules" / "nodemon" / "bin" / "nodemon.js"
    program, _ = start("starting", "node", nodemon, "--signal", "SIGTERM", "calc.cjs")
    _expect_a_reload_without_a_failed_call(folder / "calc.cjs")
    program.send_signal(signal.SIGTERM)
    program.wait(60)


def test_uvicorn_reloads_a_service_and_no_call_fails(start: Any, folder: Path) -> None:
    program, _ = start("startup complete", sys.executable, "-m", "uvicorn", "live:app", "--reload", "--port", "0")
    _expect_a_reload_without_a_failed_call(folder / "live.py")
    program.terminate()
    program.wait(60)


def test_workers_of_uvicorn_share_a_name(start: Any, folder: Path) -> None:
    code = (folder / "live.py").read_text()
    (folder / "live.py").write_text(
        code.replace('aio.serve("calc", {"add": add})', 'aio.serve("calc", {"add": add}, shared=True)')
    )
    options = ["--workers", "2", "--port", "0"]
    program, _ = start("startup complete", sys.executable, "-m", "uvicorn", "live:app", *options)
    with ipc.connect("calc") as calc:
        _wait_for_workers(calc, lambda pids: len(pids) == 2)
        assert calc.add(2, 3) == 5
    program.terminate()
    assert program.wait(60) == 0


# As Compose runs them, as far as that goes without a container.
APART = ("unshare", "--pid", "--ipc", "--fork", "--kill-child")


def _can_be_apart() -> bool:
    return shutil.which("unshare") is not None and subprocess.run([*APART, "true"], capture_output=True).returncode == 0


def _first_process(container: subprocess.Popen[str]) -> int:
    children = Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split()
    return int(children[0]) if children else container.pid


def test_the_containers_of_docker_compose_meet_in_a_directory(launch: Launch, directory: Path) -> None:
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
        return launch(*within, command, program, **variables)

    web, calc = run(services["web"]), run(services["calc"])
    port = wait_for_line(web, r"listening on port (\d+)")[1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/sum?a=2&b=3", timeout=60) as answer:
        assert json.load(answer) == {"sum": 5}
    for container in (web, calc):  # docker compose stop
        os.kill(_first_process(container), signal.SIGTERM)
        assert container.wait(60) == 0
