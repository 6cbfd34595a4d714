"""Deadlines, cancellation, and the end of a server."""

from __future__ import annotations

from pairs import Pair


def test_a_timeout_fails_the_call_and_reaches_the_handler(pair: Pair) -> None:
    error = pair.error("hold", timeout=0.05)
    assert (error.code, error.told["sent"]) == ("deadline_exceeded", "maybe")
    assert pair.client.kind == "node" or "TimeoutError" in error.told["classes"]
    pair.server.event("held")
    pair.server.event("released")
    assert pair.call("add", 1) == 1


def test_a_timeout_of_nothing_fails_at_once_and_none_waits(pair: Pair) -> None:
    error = pair.error("add", 1, timeout=0)
    assert (error.code, error.told["sent"]) == ("deadline_exceeded", "no")
    assert pair.call("add", 1, timeout=None) == 1


def test_a_call_whose_time_is_over_before_there_is_a_connection_has_not_been_sent(pair: Pair) -> None:
    pair.client.do("watch", on="c")
    pair.server.do("unserve", **{"as": "s"}, grace=0)
    while pair.client.event("state")["state"] != "reconnecting":
        pass
    error = pair.error("add", 1, timeout=0.05)
    assert (error.code, error.told["sent"]) == ("deadline_exceeded", "no")


def test_cancelling_a_call_reaches_the_handler(pair: Pair) -> None:
    # `hold` hears of it as its language does. An asyncio service runs `hold_plain` on a thread.
    ways = ["hold"] if pair.server.kind == "node" else ["hold", "hold_plain", "hold_waiting"]
    for way in ways:
        call = pair.start(way, cancellable=True)
        pair.server.event("held")
        pair.client.do("cancel", call=call.number)
        assert call.error().code == "cancelled"
        pair.server.event("released")
    assert pair.call("add", 1) == 1


def test_closing_the_client_fails_its_calls_and_reaches_the_handlers(pair: Pair) -> None:
    call = pair.start("hold")
    pair.server.event("held")
    pair.client.do("close", on="c")
    assert call.error().code == "cancelled"
    pair.server.event("released")


def test_closing_the_server_lets_calls_finish_and_then_cancels_them(pair: Pair) -> None:
    call = pair.start("hold")
    pair.server.event("held")
    pair.server.do("unserve", **{"as": "s"}, grace=0.05)
    assert call.error().code in ("cancelled", "unavailable")
    pair.server.event("released")
