"""Deno gives a program the permissions that it was started with; code in its node_modules it may always run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from runtimes import DENO

_PACKAGE = Path("node_modules/ipcbridge")
_PROGRAM = """
import ipc from 'ipcbridge'
ipc.connect('nobody', { connectTimeout: 0 }).catch(({ code, message }) => console.log(code ?? message))
"""


@pytest.fixture
def installed(app: Path, tmp_path: Path) -> Path:
    """A program with the package itself in its node_modules, since a link to it leads out of them."""
    for part in ("package.json", "js/index.mjs", "js/unbundled.mjs", "js/dist", "js/native"):
        source, target = app / _PACKAGE / part, tmp_path / _PACKAGE / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"ipcbridge": "*"}}))
    (tmp_path / "program.mjs").write_text(_PROGRAM)
    return tmp_path


def _said(installed: Path, *options: str) -> str:
    deno = replace(DENO, options=("run", "--no-prompt", "--no-code-cache", "--allow-env", *options))
    done = deno.run("program.mjs", folder=installed, IPCBRIDGE_DIR=str(installed / "names"))
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ((), "read"),
        (("--allow-ffi",), "read"),
        (("--allow-ffi", "--allow-read", f"--deny-read={_PACKAGE}/js/native"), "read"),
        (("--allow-read",), "ffi"),
        (("--allow-read", "--deny-ffi"), "ffi"),
    ],
)
def test_without_its_permissions_the_addon_says_which_to_give(
    installed: Path, options: tuple[str, ...], refused: str
) -> None:
    said = _said(installed, *options)
    assert f"does not load: Deno permits this program no {refused} access.\n" in said
    assert said.endswith("\nStart it with --allow-ffi and --allow-read.\n")


def test_with_both_permissions_it_loads(installed: Path) -> None:
    assert _said(installed, "--allow-ffi", "--allow-read") == "unavailable\n"
