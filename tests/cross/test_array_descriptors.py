"""Arrays for which the receiver has no descriptor left: one call fails, and the others go on, then and afterwards."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from array_peers import METHODS, Sides, sides_of

SMALL = 20_000  # elements, which are eight times as many bytes
LARGE = 2_000_000  # more than lies where the small ones do
FEW = 8  # descriptors, of which each process has more


@pytest.fixture(params=[("node", "python"), ("python", "node")], ids="-to-".join)
def sides(request: Any, directory: object) -> Iterator[Sides]:
    with sides_of(*request.param, "callee") as both:
        yield both


@contextmanager
def without_descriptors(pid: int) -> Iterator[None]:
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (FEW, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("method", METHODS)
def test_a_receiver_that_runs_out_of_descriptors_fails_one_call_alone(sides: Sides, method: str) -> None:
    for side in (sides.caller, sides.callee):
        assert side.make(LARGE) == LARGE
    assert sides.ask_all(SMALL) == [SMALL] * 4  # what is loaded late is there
    receiver = sides.callee if method.startswith("send") else sides.caller
    with without_descriptors(receiver.pid()):
        code, _message = sides.ask(method, LARGE)
        assert code == "resource_exhausted"
        for _ in range(3):
            assert sides.ask(method, LARGE) == LARGE
        assert sides.ask_all(SMALL) == [SMALL] * 4
    assert sides.ask(method, LARGE) == LARGE
    assert sides.ask_all(SMALL) == [SMALL] * 4
