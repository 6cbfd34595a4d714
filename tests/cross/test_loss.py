"""What happens when one side dies, hangs, or comes back."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from harness import PATIENCE, Peer
from pairs import Pair, zeros

Make = Callable[..., Peer]


def serve(peer: Peer, address: str, **options: Any) -> None:
    peer.do("serve", **{"as": "s"}, address=address, options=options)


def test_each_of_10000_calls_settles_once_when_the_server_is_killed(
    kinds: tuple[str, str], address: str, peers: Make
) -> None:
    client, server = peers(kinds[0]), peers(kinds[1], reuse=False)
    pair = Pair(client, server, address, connect={"connect_timeout": 0.2})
    held = [pair.start("hold") for _ in range(3)]
    for _ in held:
        server.event("held")
    # A blocking client has as many calls in flight as threads; the rest is called afterwards and finds the new server.
    is_blocking = client.kind == "blocking"
    more = {"in_flight": 32} if is_blocking else {}
    burst = client.start("burst", on="c", method="add", count=10_000, **more)
    client.event("underway")
    server.kill()
    for call in held:
        error = call.error()
        assert (error.code, error.told["sent"]) == ("unavailable", "maybe")
    if is_blocking:
        serve(peers(kinds[1]), address)
    tally = burst.result()
    assert tally["ok"] + sum(tally["codes"].values()) == 10_000
    assert tally["wrong"] == tally["twice"] == 0
    assert tally["codes"].keys() <= {"unavailable, sent maybe", "unavailable, sent no"}
    if not is_blocking:
        serve(peers(kinds[1]), address)
    assert pair.call("add", 1) == 1


def test_a_call_between_two_servers_waits_for_the_next(pair: Pair, peers: Make) -> None:
    pair.client.do("watch", on="c")
    pair.server.do("unserve", **{"as": "s"}, grace=0)
    while pair.client.event("state")["state"] != "reconnecting":
        pass
    error = pair.error("add", 1, wait_for_ready=False)
    assert (error.code, error.told["sent"]) == ("unavailable", "no")
    waiting = pair.start("add", 2, 3)
    serve(peers(pair.server.kind), pair.address)
    assert waiting.result() == 5
    while pair.client.event("state")["state"] != "ready":
        pass


def test_an_idempotent_call_is_repeated_with_the_next_server(kinds: tuple[str, str], address: str, peers: Make) -> None:
    client, server, after = peers(kinds[0]), peers(kinds[1], reuse=False), peers(kinds[1])
    pair = Pair(client, server, address)
    call = pair.start("hold", idempotent=True)
    server.event("held")
    server.kill()
    serve(after, address)
    after.event("held")
    client.do("close", on="c")
    assert call.error().code == "cancelled"


# Shared memory takes all of it at once, so it may have been sent before the server was stopped; then it may have begun.
def test_a_long_call_that_was_not_sent_whole_goes_to_the_next_server(
    kinds: tuple[str, str], address: str, peers: Make
) -> None:
    client, server, after = peers(kinds[0]), peers(kinds[1], reuse=False), peers(kinds[1])
    pair = Pair(client, server, address)
    server.signal(signal.SIGSTOP)
    call = pair.start("size", zeros(1 << 23))
    server.kill()
    serve(after, address)
    lost = call.future.exception(PATIENCE)
    if lost is None or address.startswith("unix:"):
        assert call.result() == 1 << 23
    else:
        assert call.error().code == "unavailable"


def test_a_killed_client_leaves_the_server_and_its_other_clients_unharmed(
    kinds: tuple[str, str], address: str, peers: Make
) -> None:
    doomed, server, other = peers(kinds[0], reuse=False), peers(kinds[1]), peers(kinds[0])
    pair = Pair(doomed, server, address)
    other.do("connect", **{"as": "c"}, address=address)
    pair.start("hold")
    server.event("held")
    doomed.start("burst", on="c", method="add", count=100_000, in_flight=16)
    doomed.event("underway")
    doomed.kill()
    server.event("released")
    assert other.do("burst", on="c", method="add", count=1000, in_flight=16)["ok"] == 1000
    while pair.of_server()["connections"] > 1:
        pass


def test_timeouts_fire_while_the_server_is_stopped_and_it_goes_on_later(pair: Pair) -> None:
    pair.server.signal(signal.SIGSTOP)
    assert pair.error("add", 1, timeout=0.05).code == "deadline_exceeded"
    waiting = pair.start("add", 2, 3)
    assert pair.error("add", 1, timeout=0.05).code == "deadline_exceeded"
    pair.server.signal(signal.SIGCONT)
    assert waiting.result() == 5


def test_a_stopped_client_stops_nobody_else(pair: Pair, peers: Make) -> None:
    other = peers(pair.client.kind)
    other.do("connect", **{"as": "c"}, address=pair.address)
    burst = pair.client.start("burst", on="c", method="add", count=5000, in_flight=16)
    pair.client.event("underway")
    pair.client.signal(signal.SIGSTOP)
    assert other.do("burst", on="c", method="add", count=1000, in_flight=16)["ok"] == 1000
    pair.client.signal(signal.SIGCONT)
    assert burst.result()["ok"] == 5000
