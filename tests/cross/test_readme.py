"""The programs in README.md do what it says."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import COMMANDS, ROOT

PAGE = "data:text/html,<title>a page</title>"  # instead of one on the network


@pytest.fixture
def programs(directory: Path) -> Iterator[Path]:
    """A folder with those programs, each by the name in its first line; within the checkout, for Node.js to find us."""
    text = (ROOT / "README.md").read_text().replace("https://example.org", PAGE)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        for first_line, name, rest in re.findall(r"```(?:js|python)\n((?://|#) (\S+)\n)(.*?)```", text, re.DOTALL):
            (Path(folder) / name).write_text(first_line + rest)
        yield Path(folder)


def _run(programs: Path, service: str, client: str) -> list[str]:
    def command(name: str) -> list[str]:
        kind = "blocking" if name.endswith(".py") else "node"
        return [COMMANDS[kind][0], str(programs / name)]

    with subprocess.Popen(command(service), stderr=subprocess.DEVNULL) as serving:
        try:
            done = subprocess.run(command(client), capture_output=True, text=True, timeout=60)
        finally:
            serving.kill()
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_node_calls_python(programs: Path) -> None:
    said = _run(programs, "service.py", "client.mjs")
    assert said[:2] == ["5", "Hi, Ada!"]
    assert said[2].startswith("TypeError unsupported operand type(s)")


def test_python_calls_node(programs: Path) -> None:
    said = _run(programs, "service.mjs", "client.py")
    assert said == ["<h1>Hello</h1>", "", "a page"]


def test_asyncio_calls_node(programs: Path) -> None:
    said = _run(programs, "service.mjs", "gather.py")
    assert said == [r"['<p><em>one</em></p>\n', '<p><em>two</em></p>\n']"]
