"""Node.js as a single executable, made as docs/recipes.md says, serves and calls with ipcbridge beside it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from harness import ROOT

import ipcbridge as ipc

PAGE = (
    (ROOT / "docs" / "recipes.md").read_text().partition("## Node.js as a single executable\n")[2].partition("\n## ")[0]
)
PROGRAM = re.search(r"```js\n(// program\.cjs\n.*?)```", PAGE, re.DOTALL)
COMMANDS = re.search(r"```sh\n(.*?)```", PAGE, re.DOTALL)


def _has_seas() -> bool:
    """Node.js 20 and later have them."""
    said = subprocess.run(["node", "--experimental-sea-config", "/dev/null"], capture_output=True, text=True).stderr
    return "bad option" not in said


@pytest.fixture
def executable(directory: Path) -> Path:
    made = directory / "made"
    (made / "node_modules").mkdir(parents=True)
    (made / "node_modules" / "ipcbridge").symlink_to(ROOT)
    assert PROGRAM is not None
    assert COMMANDS is not None
    (made / "program.cjs").write_text(PROGRAM[1])
    tools = f"{ROOT / 'node_modules' / '.bin'}:{os.environ['PATH']}"
    commands = COMMANDS[1].replace("npx ", "")
    done = subprocess.run(
        ["sh", "-ec", commands], cwd=made, env=os.environ | {"PATH": tools}, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return made / "program"


@pytest.mark.skipif(not _has_seas(), reason="Node.js 20 is the first that makes single executables")
def test_a_single_executable_serves(executable: Path) -> None:
    with subprocess.Popen([executable], stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == "serving calc\n"
            with ipc.connect("calc") as calc:
                assert calc.add(2, 3) == 5
            program.send_signal(signal.SIGTERM)
            assert program.wait(60) == 0
        finally:
            program.kill()
