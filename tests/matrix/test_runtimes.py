"""The same addon in every runtime, as client and as server, over shared memory and Unix sockets."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from runtimes import HERE, RUNTIMES, Runtime
from stage import Stage


@pytest.fixture(params=RUNTIMES, ids=lambda runtime: runtime.package)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    chosen: Runtime = request.param
    return chosen


@pytest.fixture
def program(runtime: Runtime) -> list[str]:
    return [*runtime.command, "scenario.mjs"]


def test_it_calls_a_service(stage: Stage, program: list[str], python: list[str]) -> None:
    stage.calls(client=program, server=python)


def test_it_serves(stage: Stage, program: list[str], python: list[str]) -> None:
    stage.calls(client=python, server=program)


def test_it_calls_who_is_killed(stage: Stage, program: list[str], python: list[str]) -> None:
    stage.losses(client=program, server=python)


def test_it_serves_who_is_killed(stage: Stage, program: list[str], python: list[str]) -> None:
    stage.losses(client=python, server=program)


def test_it_finds_names_where_the_program_says(stage: Stage, runtime: Runtime, tmp_path: Path) -> None:
    shutil.copy(HERE / "names.mjs", stage.app)
    done = runtime.run("names.mjs", str(tmp_path / "names"), folder=stage.app)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
