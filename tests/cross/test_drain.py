"""close(grace): what runs may finish, streams and callbacks too; then it is cancelled. New calls go elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Command, Peer
from pairs import Pair

MANY = 100_000


def begin_to_close(pair: Pair, grace: float) -> Command:
    pair.server.do("watch_server", **{"as": "s"})
    closing = pair.server.start("unserve", **{"as": "s"}, grace=grace)
    assert pair.server.event("server state")["state"] == "closing"
    return closing


def open_stream(pair: Pair, count: int = MANY) -> None:
    assert pair.client.do("open", on="c", **{"as": "stream"}, method="numbers", args=[count]) == 0


def ask_back(pair: Pair) -> Command:
    """A call whose handler waits for a callback."""
    call = pair.client.start("each", on="c", items=[1, 2, 3], kind="gated")
    pair.client.event("asked")
    return call


@pytest.fixture
def next_server(pair: Pair, peers: Any) -> Any:
    """Starts a server of the same name as the one that closes."""

    def start() -> Peer:
        peer: Peer = peers(pair.kinds[1])
        peer.do("serve", **{"as": "s"}, address=pair.address, options={"takeover_timeout": 20})
        return peer

    return start


def test_streams_that_are_open_may_finish(pair: Pair) -> None:
    open_stream(pair)
    closing = begin_to_close(pair, 60)
    rest = pair.client.do("finish", **{"as": "stream"})
    assert rest == {"count": MANY - 1, "sum": sum(range(MANY)), "error": None}
    closing.result()
    pair.server.event("numbers ended")


def test_handlers_that_run_may_call_back(pair: Pair) -> None:
    call = ask_back(pair)
    closing = begin_to_close(pair, 60)
    pair.client.do("open_gate")
    assert call.result() == [1, 2, 3]
    closing.result()


def test_new_calls_go_to_the_next_server_while_a_stream_finishes(pair: Pair, next_server: Any) -> None:
    open_stream(pair)
    pair.client.do("watch", on="c")
    closing = begin_to_close(pair, 60)
    while pair.client.event("state")["state"] != "reconnecting":  # what is sent before runs in the old one
        pass
    call = pair.start("pid")
    new = next_server()
    assert call.result() == new.pid
    assert pair.client.do("finish", **{"as": "stream"})["count"] == MANY - 1
    closing.result()


def test_streams_end_with_the_grace_and_their_generators_once(pair: Pair) -> None:
    open_stream(pair, 10**9)
    begin_to_close(pair, 0.05).result()
    assert pair.client.do("finish", **{"as": "stream"})["error"]["code"] in ("unavailable", "cancelled")
    pair.server.event("numbers ended")
    pair.server.do("server_status", **{"as": "s"})
    assert not pair.server.has_event("numbers ended")


def test_streams_among_the_arguments_end_with_the_grace(pair: Pair) -> None:
    call = pair.client.start("feed", on="c", method="total", count=10**9)
    pair.client.event("feeding")
    begin_to_close(pair, 0.05).result()
    assert call.error().code in ("unavailable", "cancelled")
    pair.client.event("fed")
    pair.client.do("status", on="c")
    assert not pair.client.has_event("fed")


def test_handlers_and_callbacks_are_cancelled_with_the_grace(pair: Pair) -> None:
    call, held = ask_back(pair), pair.start("hold")
    pair.server.event("held")
    begin_to_close(pair, 0.05).result()
    assert call.error().code in ("unavailable", "cancelled")
    assert held.error().code in ("unavailable", "cancelled")
    pair.client.event("callback cancelled")
    pair.server.event("released")
