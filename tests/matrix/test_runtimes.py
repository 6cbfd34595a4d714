"""The same addon in every runtime, as client and as server, over shared memory and Unix sockets."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from runtimes import BUN, DENO, HERE, RUNTIMES, Runtime, is_whole
from stage import Stage

Record = Callable[[str, object], None]


@pytest.fixture(params=RUNTIMES, ids=lambda runtime: runtime.package)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    chosen: Runtime = request.param
    return chosen


_COLUMNS = {
    "test_it_calls_a_service": "calls",
    "test_it_serves": "serves",
    "test_it_calls_who_is_killed": "its service is killed",
    "test_it_serves_who_is_killed": "its client is killed",
    "test_it_finds_names_where_the_program_says": "names",
    "test_twenty_workers_are_terminated_in_the_middle_of_calls": "twenty workers",
}


@pytest.fixture(autouse=True)
def cell(request: pytest.FixtureRequest, runtime: Runtime, record_property: Record) -> None:
    record_property("cell", ["JavaScript", runtime.title, runtime.version, _COLUMNS[request.function.__name__]])


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


# Of Node.js, workers have tests of their own: tests/node/workers.test.mjs.
@pytest.mark.parametrize("runtime", RUNTIMES if is_whole() else [BUN, DENO], ids=lambda each: each.package)
def test_twenty_workers_are_terminated_in_the_middle_of_calls(stage: Stage, runtime: Runtime) -> None:
    shutil.copy(HERE / "workers.mjs", stage.app)
    done = runtime.run("workers.mjs", stage.addresses[0], folder=stage.app)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
