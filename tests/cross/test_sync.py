"""A Node.js thread that waits for a call, blocked: the same whatever serves it, over every transport."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Peer
from pairs import KINDS, TRANSPORTS, Pair, make_address


@pytest.fixture(params=[(transport, kind) for transport in TRANSPORTS for kind in KINDS], ids="-".join)
def sync_pair(request: pytest.FixtureRequest, peers: object, directory: Path) -> Pair:
    transport, kind = request.param
    return Pair(peers("node"), peers(kind), make_address(transport, directory))  # type: ignore[operator]


def _both_ways(pair: Pair) -> Peer:
    pair.client.do("connect_both_ways", **{"as": "d"}, address=pair.address, name="billing")
    return pair.client


def test_a_call_gives_its_result_and_its_error(sync_pair: Pair) -> None:
    assert sync_pair.call("add", 3, sync=True) == 3
    error = sync_pair.error("nothing", by_name=True, sync=True)
    assert error.code == "unimplemented"
    assert sync_pair.error("hold", sync=True, timeout=0.02).code == "deadline_exceeded"


def test_a_stream_is_read_by_a_loop(sync_pair: Pair) -> None:
    assert sync_pair.client.do("numbers_at_once", on="c", args=[2000]) == list(range(2000))


def test_functions_are_called_back_unless_they_are_asynchronous(sync_pair: Pair) -> None:
    assert sync_pair.client.do("each_at_once", on="c", items=[1, 2, 3], kind="plain") == [2, 4, 6]
    error = sync_pair.client.start("each_at_once", on="c", items=[1], kind="async").error()
    assert error.code == "failed_precondition"


def test_a_handler_that_calls_the_blocked_thread_is_refused_at_once(sync_pair: Pair) -> None:
    client = _both_ways(sync_pair)
    assert client.do("call", on="d", method="ask_back", args=[4]) == 40
    error = client.start("call", on="d", method="ask_back", args=[4], sync=True).error()
    assert error.code == "failed_precondition"
    assert "would wait for itself" in error.message
    assert client.do("call", on="d", method="ask_back", args=[5]) == 50
