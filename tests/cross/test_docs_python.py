"""The Python programs in docs/ do what they say: what they print stands behind each print()."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import ROOT

_BLOCK = re.compile(r"```python\n(# (\S+\.py)\n.*?)```", re.DOTALL)
_PRINTED = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)


def _programs() -> Iterator[tuple[str, str]]:
    for page in sorted((ROOT / "docs").glob("*.md")):
        if page.stem == "recipes":  # programs that do not end: test_docs_recipes.py
            continue
        for code, name in _BLOCK.findall(page.read_text()):
            yield f"{page.stem}: {name}", code


PROGRAMS = dict(_programs())


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_what_it_says(name: str, directory: Path) -> None:
    code = PROGRAMS[name]
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "IPCBRIDGE_DIR": str(directory)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == _PRINTED.findall(code), done.stderr
