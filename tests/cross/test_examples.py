"""Every program in examples/ does what it says."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import COMMANDS, ROOT

NODE = COMMANDS["node"][0]
Start = Callable[..., str]


def command(program: str) -> list[str]:
    return [sys.executable if program.endswith(".py") else NODE, str(ROOT / "examples" / program)]


@pytest.fixture
def start(directory: Path) -> Iterator[Start]:
    """Starts a service; returns the line it says when it is ready. It ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def make(program: str, *args: str) -> str:
        service = subprocess.Popen(
            [*command(program), *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        started.append(service)
        assert service.stdout is not None
        return service.stdout.readline().strip()

    yield make
    for service in started:
        service.kill()
        service.communicate()


def run(program: str, *args: str, text: str | None = None) -> str:
    done = subprocess.run([*command(program), *args], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_hello_from_node_to_python(start: Start) -> None:
    start("hello/node_calls_python/service.py")
    assert run("hello/node_calls_python/client.mjs").splitlines() == [
        "5",
        "Hello, Ada, from Python!",
        "Good morning, Ada, from Python!",
        "TypeError in Python: unsupported operand type(s) for +: 'int' and 'str'",
    ]


def test_hello_from_python_to_node(start: Start) -> None:
    start("hello/python_calls_node/service.mjs")
    said = run("hello/python_calls_node/client.py").splitlines()
    assert said[:3] == ["5", "Hello, Ada, from Node.js!", "Good morning, Ada, from Node.js!"]
    assert said[3].startswith("SyntaxError in Node.js: ")


def test_the_web_server_answers_with_what_python_found(start: Start) -> None:
    start("web/text.py")
    url = start("web/server.mjs", "0").removeprefix("listening on ")

    def post(path: str) -> dict[str, object]:
        headers = {"content-type": "text/plain"}
        request = urllib.request.Request(url + path, b"to be or not to be", headers)
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)

    assert post("/words?most=2") == {"words": 6, "frequent": [["to", 2], ["be", 2]]}
    with pytest.raises(urllib.error.HTTPError) as caught:
        post("/words?most=few")
    with caught.value as failure:
        assert failure.code == 500


def test_a_python_script_renders_markdown_with_an_npm_library(start: Start) -> None:
    start("markdown/service.mjs")
    assert run("markdown/render.py", text="# Hi *you*") == "<h1>Hi <em>you</em></h1>\n"


def test_the_asyncio_client_calls_at_once_and_gives_up_in_time(start: Start) -> None:
    start("asyncio/service.mjs")
    said = run("asyncio/client.py").splitlines()
    assert said[0] == "Oslo: sun for 3 days"
    assert said[-1] == "Nowhere: no forecast in time"


def test_the_demo_calls_both_ways_and_compares(directory: Path) -> None:
    said = run("demo/demo.mjs")
    assert "throws ZeroDivisionError: division by zero" in said
    assert "raises SyntaxError: " in said
    assert said.count("ipcbridge is faster by") == 2


@pytest.mark.parametrize("listener", ["callbacks/listen.mjs", "callbacks/listen.py"])
def test_callbacks_tell_of_the_events_of_an_emitter(start: Start, listener: str) -> None:
    start("callbacks/shop.mjs")
    assert run(listener).splitlines() == ["2 x tea", "1 x cake"]


def test_a_graceful_deploy_fails_no_call(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON", sys.executable)
    assert run("graceful_deploy/deploy.mjs").splitlines() == [
        "answered by v1, v2, v3; 0 calls failed",
        "the stream brought 50 lines",
    ]
