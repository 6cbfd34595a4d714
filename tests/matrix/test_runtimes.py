"""The same addon in every runtime, as client and as server, over shared memory and Unix sockets."""

from __future__ import annotations

import pytest
from runtimes import RUNTIMES, Runtime
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
