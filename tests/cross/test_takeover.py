"""Two servers want one name: over every pair of kinds, old and new."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from harness import Command, Peer
from pairs import KINDS

Make = Callable[..., Peer]


def serve(peer: Peer, address: str, **options: Any) -> Command:
    return peer.start("serve", **{"as": "s"}, address=address, options=options)


def who_answers(client: Peer) -> int:
    """The pid of the server that answers. A call that crosses the old one's goodbye is unavailable: it calls again."""
    while True:
        call = client.start("call", on="c", method="pid")
        if not call.failed_with("unavailable"):
            answer: int = call.result()
            return answer


@pytest.fixture(params=KINDS)
def old(request: pytest.FixtureRequest, peers: Make, address: str) -> Peer:
    peer = peers(request.param)
    serve(peer, address).result()
    return peer


@pytest.fixture(params=KINDS)
def new(request: pytest.FixtureRequest, peers: Make) -> Peer:
    return peers(request.param)


@pytest.fixture
def client(old: Peer, peers: Make, address: str) -> Peer:
    """A client of the old server."""
    peer = peers(old.kind)
    peer.do("connect", **{"as": "c"}, address=address)
    assert peer.do("call", on="c", method="pid") == old.pid
    return peer


def test_a_taken_name_is_refused_and_its_holder_named(old: Peer, new: Peer, address: str) -> None:
    for options in ({"takeover": "fail"}, {"takeover": "wait", "takeover_timeout": 0.05}):
        error = serve(new, address, **options).error()
        assert error.code == "already_exists"
        assert str(old.pid) in error.message


def test_who_waits_gets_the_name_when_it_is_free(old: Peer, new: Peer, client: Peer, address: str) -> None:
    waiting = serve(new, address, takeover="wait", takeover_timeout=30)
    old.do("unserve", **{"as": "s"}, grace=0)
    waiting.result()
    assert who_answers(client) == new.pid


def test_who_replaces_gets_the_name_at_once(old: Peer, new: Peer, client: Peer, address: str) -> None:
    serve(new, address, takeover="replace").result()
    assert who_answers(client) == new.pid


def test_serving_a_name_again_in_the_same_process_replaces(old: Peer, client: Peer, address: str) -> None:
    old.do("serve", **{"as": "again"}, address=address)
    assert who_answers(client) == old.pid
    assert old.do("server_status", **{"as": "again"})["connections"] == 1
