"""Streams of a process that is killed: those who read are told, and what makes items cleans up once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness import Peer
from pairs import Pair
from test_stream_ends import ENDLESS, client_tells_once, server_tells_once, start_to_feed, start_to_wait

pytestmark = pytest.mark.parametrize("address", ["shm", "unix"], indirect=True)

Make = Callable[..., Peer]


def open_stalled(pair: Pair) -> None:
    """A stream of which one item is read and no other, so that what makes them is held back."""
    assert pair.client.do("open", on="c", **{"as": "stalled"}, method="numbers", args=[ENDLESS]) == 0


def test_a_server_that_is_killed(kinds: tuple[str, str], address: str, peers: Make) -> None:
    client, server = peers(kinds[0]), peers(kinds[1], reuse=False)
    pair = Pair(client, server, address)
    open_stalled(pair)
    waiting = start_to_wait(pair)
    feeding = start_to_feed(pair)
    server.kill()
    seen, rest = waiting.result(), client.do("finish", **{"as": "stalled"})
    assert seen["count"] == 3
    for error in (seen["error"], rest["error"], feeding.error().told):
        assert (error["code"], error["sent"]) == ("unavailable", "maybe")
    client_tells_once(pair, "fed")
    peers(kinds[1]).do("serve", **{"as": "s"}, address=address, options={})
    assert pair.call("add", 1, 2) == 3


def test_a_client_that_is_killed(kinds: tuple[str, str], address: str, peers: Make) -> None:
    client, server = peers(kinds[0], reuse=False), peers(kinds[1])
    pair = Pair(client, server, address)
    open_stalled(pair)
    start_to_wait(pair)
    start_to_feed(pair)
    client.kill()
    server.event("released")
    server.event("numbers ended")
    server_tells_once(pair, "numbers ended")
    other = peers(kinds[0])
    other.do("connect", **{"as": "c"}, address=address)
    assert other.do("call", on="c", method="add", args=[1, 2]) == 3
