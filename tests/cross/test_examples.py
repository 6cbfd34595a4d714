"""Every program in examples/ does what it says."""

from __future__ import annotations

import http.client
import io
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import COMMANDS, ROOT
from PIL import Image

NODE = COMMANDS["node"][0]
Start = Callable[..., str]
Begin = Callable[..., Callable[[], str]]


def command(program: str) -> list[str]:
    return [sys.executable if program.endswith(".py") else NODE, str(ROOT / "examples" / program)]


@pytest.fixture
def begin(directory: Path) -> Iterator[Begin]:
    """Starts a service; returns what gives the lines that it says, one after the other. It ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def make(program: str, *args: str) -> Callable[[], str]:
        service = subprocess.Popen(
            [*command(program), *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        started.append(service)
        said = service.stdout
        assert said is not None
        return lambda: said.readline().strip()

    yield make
    for service in started:
        service.kill()
        service.communicate()


@pytest.fixture
def start(begin: Begin) -> Start:
    """Starts a service; returns the line it says when it is ready."""
    return lambda program, *args: begin(program, *args)()


def run_and_hear_all(program: str, *args: str, text: str | None = None) -> tuple[str, str]:
    done = subprocess.run([*command(program), *args], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def run(program: str, *args: str, text: str | None = None) -> str:
    return run_and_hear_all(program, *args, text=text)[0]


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


def post(url: str, body: bytes) -> tuple[str, bytes]:
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=20) as response:
        return response.headers["content-type"], response.read()


def refused(url: str, body: bytes | None) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, body), timeout=20)
    with caught.value as failure:
        return failure.code, json.load(failure)["error"]


def image(size: tuple[int, int], kind: str) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).save(file, kind)
    return file.getvalue()


def test_the_web_server_resizes_images_by_pillow(start: Start) -> None:
    start("image_resize/images.py")
    url = start("image_resize/server.mjs", "0").removeprefix("listening on ")
    kind, data = post(f"{url}/?width=100", image((2000, 1000), "PNG"))
    assert (kind, Image.open(io.BytesIO(data)).size) == ("image/png", (100, 50))
    kind, data = post(f"{url}/?width=300&height=30", image((200, 300), "JPEG"))
    assert (kind, Image.open(io.BytesIO(data)).size) == ("image/jpeg", (20, 30))


def test_the_web_server_says_why_it_resizes_nothing(start: Start) -> None:
    start("image_resize/images.py")
    url = start("image_resize/server.mjs", "0").removeprefix("listening on ")
    assert refused(url, None) == (405, "POST an image")
    assert refused(f"{url}/?width=0", image((9, 9), "PNG"))[0] == 400
    assert refused(url, b"to be or not to be") == (422, "this is no image that Pillow can read")
    assert refused(url, image((200, 200), "PNG")[:200]) == (422, "this is no image that Pillow can read")
    assert refused(url, image((8000, 8000), "PNG")) == (422, "the image has too many pixels")
    too_long = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    too_long.putrequest("POST", "/")
    too_long.putheader("content-length", str(30 * 1024 * 1024))
    too_long.endheaders()  # it answers before anything is sent
    assert too_long.getresponse().status == 413
    too_long.close()


def test_python_plots_what_node_measures(start: Start, tmp_path: Path) -> None:
    start("plot/timers.mjs")
    path = tmp_path / "timers.png"
    assert run("plot/plot.py", str(path), "50") == f"plotted 50 timers to {path}\n"
    with Image.open(path) as plotted:
        assert plotted.format == "PNG"
        colours = plotted.convert("RGB").getcolors(1_000_000)
        assert len(colours or ()) > 10, "something is drawn"


HIDE_ARROW = """
const Module = require('node:module')
const load = Module._load
Module._load = (name, ...rest) => {
  if (name === 'apache-arrow') throw new Error('it is not installed')
  return load(name, ...rest)
}
"""


@pytest.mark.parametrize("has_arrow", [True, False])
def test_a_pandas_frame_is_a_table_in_node(
    start: Start, has_arrow: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start("dataframe/sales.py")
    if not has_arrow:
        (tmp_path / "hide.cjs").write_text(HIDE_ARROW)
        monkeypatch.setenv("NODE_OPTIONS", f"--require={tmp_path / 'hide.cjs'}")

    def cells(*args: str) -> list[list[str]]:
        lines = run("dataframe/show.mjs", *args).splitlines()
        return [line.strip("│ ").replace("'", "").split() for line in lines if "│" in line]

    def row(*values: str) -> list[str]:
        return [part for value in values for part in (value, "│")][:-1]

    names = row("(index)", "city", "sold", "total")
    assert cells() == [names, row("0", "Lima", "1", "1.5"), row("1", "Oslo", "3", "10"), row("2", "Rome", "2", "6")]
    assert cells("cake") == [names, row("0", "Oslo", "1", "4.5"), row("1", "Rome", "1", "4")]


def test_frames_of_python_are_seen_in_node(start: Start) -> None:
    start("frames/camera.py")
    *rates, end = run("frames/viewer.mjs", "200").splitlines()
    assert end == "200 frames came"
    assert len(rates) == 2
    for line in rates:
        assert re.fullmatch(r"1920 x 1080: \d+ frames/s, brightness 1[23]\d", line), line


def test_tokens_of_a_python_generator_arrive_as_server_sent_events(start: Start, begin: Begin) -> None:
    next_line = begin("sse/model.py")
    assert next_line() == "serving model"
    url = start("sse/server.mjs", "0").removeprefix("listening on ")
    with urllib.request.urlopen(f"{url}/?prompt=Why?", timeout=20) as response:
        assert response.headers["content-type"] == "text/event-stream"
        events = response.read().decode().split("\n\n")
    assert events[:3] == ['data: "You"', 'data: "asked:"', 'data: "Why?"']
    assert events[-2:] == ["event: done\ndata:", ""]
    assert next_line() == "done with 'Why?'"
    with urllib.request.urlopen(f"{url}/?prompt=Never+mind", timeout=20) as response:
        assert response.readline() == b'data: "You"\n'  # and the reader leaves
    assert next_line() == "done with 'Never mind'"


def test_a_training_loop_in_python_moves_a_progress_bar_of_node(start: Start) -> None:
    start("training/train.py")
    said, progress = run_and_hear_all("training/progress.mjs")
    assert said == "y = 3.0 x + 1.0\n"
    lines = progress.splitlines()
    assert {"INFO: training with 50 points", "INFO: trained"} <= set(lines)
    assert lines[-1].endswith("200/200 epochs, loss 0.0004")


def test_lines_stream_to_python_and_back(start: Start) -> None:
    start("pipeline/words.py")
    text = "to be\nor not\nto be\n" + "that is\n" * 10_000 + "the question\n"
    assert run("pipeline/grep.mjs", "b.|quest", text=text).splitlines() == [
        "1: to [be]",
        "3: to [be]",
        "10004: the [quest]ion",
    ]


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
