"""Folders, commands and environments of the release."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
DIST = Path(os.environ.get("IPCBRIDGE_DIST", ROOT / "dist")).absolute()
VERSION: str = json.loads((ROOT / "package.json").read_text())["version"]


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT) -> str:
    """Its output; where the command fails, all of it on stderr, and an exit."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env={**os.environ, **(env or {})}, stdout=-1, stderr=-2, text=True)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\nrelease: failed with {done.returncode}: {' '.join(words)}")
    return done.stdout


def source_date() -> str:
    """When the sources were made, in seconds since 1970: what archives give as the time of their files."""
    return os.environ.get("SOURCE_DATE_EPOCH") or run("git", "log", "-1", "--format=%ct").strip()


def empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def environment(python: Path | str, requirements: Path, folder: Path) -> Path:
    """The interpreter of a virtual environment that has just these requirements, of these hashes."""
    made = folder / "made_of.txt"
    is_whole = (folder / "bin/python").exists()  # the interpreter of which it was made is still there
    if not is_whole or not made.exists() or made.read_bytes() != requirements.read_bytes():
        run("uv", "venv", "--clear", "--python", python, folder)
        run("uv", "pip", "install", "--python", folder, "--require-hashes", "--no-deps", "-r", requirements)
        made.write_bytes(requirements.read_bytes())
    return folder / "bin/python"
