"""Two servers want one name: over every pair of kinds, old and new."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import Command, Peer
from pairs import KINDS

Make = Callable[..., Peer]


def serve(peer: Peer, address: str, **options: Any) -> Command:
    return peer.start("serve", **{"as": "s"}, address=address, options=options)


def who_answers_next(client: Peer) -> int:
    """The pid of the server that answers when the client has heard the old one's goodbye."""
    while client.event("state")["state"] != "reconnecting":
        pass
    answer: int = client.do("call", on="c", method="pid")
    return answer


def connections_to_accept(path: str) -> int:
    """Those that have been made to the socket, and which nobody has accepted: they have no inode yet."""
    sockets = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    return sum(each[6:] == ["0", path] for each in sockets)


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
    peer.do("watch", on="c")
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
    assert who_answers_next(client) == new.pid


def test_who_replaces_gets_the_name_at_once(old: Peer, new: Peer, client: Peer, address: str) -> None:
    serve(new, address, takeover="replace").result()
    assert who_answers_next(client) == new.pid


def test_a_server_that_was_stopped_stays_if_who_asked_for_its_name_has_given_up(
    old: Peer, new: Peer, address: str
) -> None:
    old.signal(signal.SIGSTOP)
    assert serve(new, address, takeover="replace", takeover_timeout=0.05).error().code == "already_exists"
    old.signal(signal.SIGCONT)
    new.do("connect", **{"as": "c"}, address=address)  # by when the question has been read
    assert new.do("call", on="c", method="pid") == old.pid
    assert serve(new, address, takeover="fail").error().code == "already_exists"


def test_a_server_that_was_stopped_gives_way_to_who_still_waits(old: Peer, new: Peer, address: str) -> None:
    path = old.do("server_status", **{"as": "s"})["path"]
    old.signal(signal.SIGSTOP)
    taking = serve(new, address, takeover="replace", takeover_timeout=60)
    while not connections_to_accept(path):  # over which it is asked
        pass
    old.signal(signal.SIGCONT)
    taking.result()
    assert new.do("server_status", **{"as": "s"})["state"] == "listening"


def test_calls_that_cross_the_goodbye_are_answered(old: Peer, new: Peer, client: Peer, address: str) -> None:
    burst = client.start("burst", on="c", method="add", count=10_000, in_flight=32)
    client.event("underway")
    serve(new, address, takeover="replace").result()
    assert burst.result()["ok"] == 10_000


def test_a_server_tells_that_it_loses_its_name(old: Peer, new: Peer, address: str) -> None:
    old.do("watch_server", **{"as": "s"})
    serve(new, address, takeover="replace").result()
    assert [old.event("server state")["state"] for _ in range(2)] == ["closing", "closed"]


def test_members_are_those_of_the_service_that_is_there_now(kinds: tuple[str, str], peers: Make, address: str) -> None:
    client, old, new = peers(kinds[0]), peers(kinds[1]), peers(kinds[1])
    old.do("serve", **{"as": "s"}, address=address, methods=["keep", "fetch"])
    client.do("connect", **{"as": "c"}, address=address)
    for name in ("keep", "fetch"):  # which the client keeps
        assert client.do("call", on="c", method=name) == name
    options = {"takeover": "replace"}
    new.do("serve", **{"as": "s"}, address=address, methods=["keep", "fetches"], options=options)
    while client.do("status", on="c").get("peer_pid") != new.pid:  # nobody calls, and nobody watches
        pass
    names = ["keep", "fetch", "fetches"]
    assert [client.do("has", on="c", method=name) for name in names] == [True, False, True]
    error = client.start("call", on="c", method="fetch").error()
    assert error.told["name"] == ("AttributeError" if client.in_python else "TypeError")
    assert "did you mean 'fetches'" in error.message or not client.in_python
    assert client.do("call", on="c", method="fetches") == "fetches"
    assert {"keep", "fetches"} == set(client.do("describe", on="c")["methods"])


def test_serving_a_name_again_in_the_same_process_replaces(old: Peer, client: Peer, address: str) -> None:
    old.do("serve", **{"as": "again"}, address=address)
    assert who_answers_next(client) == old.pid
    assert old.do("server_status", **{"as": "again"})["connections"] == 1
