"""What Node.js code is run in besides a plain program: test runners, bundles, no external buffers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from runtimes import HERE, NODE_20, ROOT
from stage import Stage
from table import tools_version

_TOOLS = ROOT / "node_modules"


@pytest.fixture(autouse=True)
def cell(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
    row, package, what = {
        "test_a_bundle_of_esbuild_calls_and_serves": ("esbuild", "esbuild", "a bundle, with `--external:ipcbridge`"),
        "test_two_files_in_one_worker_of_jest": ("Jest", "jest", "two files in one worker, modules reset"),
        "test_two_files_in_one_worker_of_vitest": ("Vitest", "vitest", "two files in one worker"),
        "test_external_buffers_are_forbidden": ("Node.js", None, "external buffers forbidden, as in Electron"),
        "test_apache_arrow_is_not_installed": ("Node.js alone", None, "without apache-arrow, tables as their columns"),
    }[request.function.__name__]
    version = tools_version(package) if package else NODE_20.version
    record_property("cell", ["within Node.js 20", row, version, "what works", what])


def _bundle(folder: Path, source: str, file: str, module: str) -> str:
    options = ["--bundle", "--platform=node", f"--format={module}", "--external:ipcbridge", "--log-level=error"]
    subprocess.run([_TOOLS / ".bin" / "esbuild", source, *options, f"--outfile={file}"], check=True, cwd=folder)
    return file


@pytest.mark.parametrize("module", ["cjs", "esm"])
def test_a_bundle_of_esbuild_calls_and_serves(stage: Stage, python: list[str], module: str) -> None:
    bundle = _bundle(stage.app, "scenario.mjs", f"bundle.{'mjs' if module == 'esm' else 'cjs'}", module)
    stage.calls(client=[*NODE_20.command, bundle], server=python)
    stage.calls(client=python, server=[*NODE_20.command, bundle])


def test_two_files_in_one_worker_of_jest(stage: Stage, python: list[str]) -> None:
    folder = stage.app / "jest"
    folder.mkdir()
    _bundle(stage.app, "steps.mjs", "jest/steps.cjs", "cjs")
    for name in ("first", "second"):
        shutil.copy(HERE / "jest_suite.js", folder / f"{name}.test.js")
    options = ["--rootDir", str(folder), "--transform={}", "--runInBand", "--detectOpenHandles", "--testTimeout=60000"]
    said = _tested(stage, python, str(_TOOLS / "jest" / "bin" / "jest.js"), *options)
    assert re.search(r"Suites: 2 passed, 2 total", said), said
    assert "open handle" not in said
    assert "did not exit" not in said


def test_two_files_in_one_worker_of_vitest(stage: Stage, python: list[str]) -> None:
    folder = stage.app / "vitest"
    folder.mkdir()
    shutil.copy(stage.app / "steps.mjs", folder)
    for name in ("first", "second"):
        shutil.copy(HERE / "vitest_suite.js", folder / f"{name}.test.mjs")
    (folder / "node_modules").symlink_to(_TOOLS)
    options = ["run", "--root", str(folder), "--no-file-parallelism", "--no-isolate", "--testTimeout=60000"]
    said = _tested(stage, python, str(_TOOLS / "vitest" / "vitest.mjs"), *options)
    assert re.search(r"Test Files +2 passed \(2\)", said), said


def _tested(stage: Stage, python: list[str], *command: str) -> str:
    """What a test runner says that calls a service in Python."""
    with stage.starts(python, "serve", stage.addresses[0]) as service:
        service.awaits("up")
        done = NODE_20.run(*command, folder=stage.app, MATRIX_ADDRESS=stage.addresses[0])
    assert done.returncode == 0, done.stdout + done.stderr
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


@pytest.fixture
def forbidding(tmp_path: Path) -> list[str]:
    """A Node.js without external buffers: addons find what refuses them in place of what it has to make them."""
    found = Path(NODE_20.path).read_bytes()
    for name in (b"napi_create_external_buffer", b"napi_create_external_arraybuffer"):
        assert b"\0%s\0" % name in found
        found = found.replace(b"\0%s\0" % name, b"\0%s\0" % name.replace(b"napi", b"none"))
    node = tmp_path / "node"
    node.write_bytes(found)
    node.chmod(0o755)
    include = f"-I{_TOOLS / 'node-api-headers' / 'include'}"
    build = [os.environ.get("CC", "cc"), "-shared", "-fPIC", include, str(HERE / "no_external_buffers.c")]
    subprocess.run([*build, "-DPRELOADED", "-o", tmp_path / "preloaded.so"], check=True)
    subprocess.run([*build, "-o", tmp_path / "probe.node"], check=True)
    return ["env", f"LD_PRELOAD={tmp_path / 'preloaded.so'}", str(node)]


def test_external_buffers_are_forbidden(stage: Stage, python: list[str], forbidding: list[str], tmp_path: Path) -> None:
    probe = ["-p", f"require({str(tmp_path / 'probe.node')!r}).status"]
    assert subprocess.check_output([*forbidding, *probe], text=True) == "22\n"  # napi_no_external_buffers_allowed
    assert subprocess.check_output([NODE_20.path, *probe], text=True) == "0\n"
    stage.calls(client=[*forbidding, "scenario.mjs"], server=python)
    stage.calls(client=python, server=[*forbidding, "scenario.mjs"])


def test_apache_arrow_is_not_installed(stage_without_arrow: Stage, python: list[str]) -> None:
    program = [*NODE_20.command, "scenario.mjs"]
    stage_without_arrow.calls(client=program, server=python)
    stage_without_arrow.calls(client=python, server=program)
