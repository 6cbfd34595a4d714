"""Arrays for which one of the two processes has no memory: their calls fail, and nothing else does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from array_peers import METHODS, Sides, limited, sides_of

pytestmark = pytest.mark.skipif("IPCBRIDGE_SANITIZED" in os.environ, reason="a sanitizer needs address space itself")

SMALL = 20_000  # elements, which are eight times as many bytes
LARGE = 16_000_000
LEFT = 40 << 20  # bytes: enough for anything but the large array


@pytest.fixture(params=["shm", "unix"])
def address(request: Any, directory: Path) -> str:
    return "callee" if request.param == "shm" else f"unix://{directory}/callee.sock"


@pytest.fixture(params=[("node", "python"), ("python", "node")], ids="-to-".join)
def sides(request: Any, address: str) -> Iterator[Sides]:
    with sides_of(*request.param, address) as both:
        yield both


@pytest.mark.parametrize("limited_side", ["caller", "callee"])
@pytest.mark.parametrize("method", METHODS)
def test_an_array_for_which_there_is_no_address_space_fails_its_call_alone(
    sides: Sides, limited_side: str, method: str
) -> None:
    for side in (sides.caller, sides.callee):
        assert side.make(LARGE) == LARGE
    assert sides.ask_all(SMALL) == [SMALL] * 4  # what is loaded late is there
    with limited(getattr(sides, limited_side).pid(), LEFT):
        code, _message = sides.ask(method, LARGE)
        assert code == "resource_exhausted"
        assert sides.ask_all(SMALL) == [SMALL] * 4
    assert sides.ask(method, LARGE) == LARGE


def test_answers_that_were_refused_do_not_count_as_unread(directory: Path) -> None:
    with sides_of("python", "node", f"unix://{directory}/callee.sock") as sides:
        assert sides.callee.make(LARGE) == LARGE
        assert sides.ask("fetch", SMALL) == SMALL
        with limited(sides.caller.pid(), LEFT):
            for _ in range(2):
                code, _message = sides.ask("fetch", LARGE)
                assert code == "resource_exhausted"
        assert sides.ask("fetch", LARGE) == LARGE
