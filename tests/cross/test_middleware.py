"""Middleware around streams, mapped and redacted errors, lazy clients and the status of streams, in every pair."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pairs import Pair, make_address


@pytest.fixture(params=["shm", "unix"])
def pair_with(request: pytest.FixtureRequest, kinds: tuple[str, str], directory: Path, peers: Any) -> Any:
    def make(**options: Any) -> Pair:
        return Pair(peers(kinds[0]), peers(kinds[1]), make_address(request.param, directory), **options)

    return make


def read(pair: Pair, *args: Any, **more: Any) -> Any:
    return pair.client.do("read", on="c", args=list(args), **more)


def test_middleware_of_both_sides_wraps_streams(pair_with: Any) -> None:
    pair = pair_with(connect={"middleware": True}, serve={"middleware": True})
    assert read(pair, 300, method="numbers") == {"count": 300, "sum": 4 * sum(range(300)), "error": None}
    pair.server.event("numbers ended")
    assert read(pair, 10**9, method="numbers", most=5)["sum"] == 4 * sum(range(5))
    pair.server.event("numbers ended")
    assert pair.call("add", 1) == 1


@pytest.mark.parametrize("kind", ["node", "blocking", "asyncio"])
def test_async_middleware_of_a_blocking_service_wraps_streams(kind: str, address: str, peers: Any) -> None:
    pair = Pair(peers(kind), peers("blocking"), address, serve={"middleware": "async"})
    assert read(pair, 300, method="numbers") == {"count": 300, "sum": 2 * sum(range(300)), "error": None}
    pair.server.event("numbers ended")
    assert read(pair, 10**9, method="numbers", most=5)["sum"] == 2 * sum(range(5))
    pair.server.event("numbers ended")


def test_what_a_handler_or_its_generator_raises_is_mapped(pair_with: Any) -> None:
    pair = pair_with(serve={"map_error": True})
    error = pair.error("fail")
    assert (error.code, error.message) == ("not_found", "fail is mapped")
    seen = read(pair, 3, method="fail_after")
    assert (seen["count"], seen["error"]["message"]) == (3, "fail_after is mapped")
    assert pair.error("refuse", "aborted", None).code == "aborted"


def test_errors_that_are_not_exposed_keep_what_they_carry_at_home(pair_with: Any) -> None:
    pair = pair_with(serve={"expose_errors": False})
    bare = {"stack": None, "attributes": {"object": []}, "errors": []}
    for method in ("fail", "throttle"):
        error = pair.error(method).told
        assert (error["code"], error["type"]) == ("unknown", "Broken")
        assert error["message"] in ("the outer message", "slow down")
        assert {name: error[name] for name in bare} == bare
        assert "cause" not in error
    assert pair.error("refuse", "aborted", {"id": 7}).told["details"] == {"object": [["id", 7]]}


def test_a_lazy_client_connects_with_its_first_call(pair_with: Any) -> None:
    pair = pair_with(connect={"lazy": True})
    assert pair.status["state"] == "disconnected"
    assert pair.call("add", 1) == 1
    assert pair.client.do("status", on="c")["state"] == "ready"


def test_both_sides_show_a_stream_that_waits_for_its_reader(pair_with: Any) -> None:
    def told(status: dict[str, Any], name: str, in_node: str) -> Any:
        return status[name] if name in status else status[in_node]

    def is_open() -> list[int]:
        statuses = (pair.client.do("status", on="c"), pair.of_server())
        return [told(status, "open_streams", "openStreams") for status in statuses]

    pair = pair_with()
    assert pair.client.do("open", **{"as": "r"}, on="c", method="numbers", args=[100_000]) == 0
    while (stalled := told(pair.of_server(), "stalled_streams", "stalledStreams")) is None:  # nobody tells of it
        pass
    assert stalled["count"] == 1
    assert is_open() == [1, 1]
    assert pair.client.do("finish", **{"as": "r"})["count"] == 100_000 - 1
    while is_open() != [0, 0]:
        pass
