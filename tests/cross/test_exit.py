"""A process that ends with calls in flight ends with the code it means to, and leaves the other side whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness import Peer
from pairs import Pair

Make = Callable[..., Peer]


@pytest.mark.parametrize(("how", "code"), [("exit", 0), ("exit", 7), ("raise", 1)])
def test_a_client_ends_with_calls_in_flight(kinds: tuple[str, str], how: str, code: int, peers: Make) -> None:
    client, server = peers(kinds[0], reuse=False), peers(kinds[1])
    pair = Pair(client, server, "calc")
    pair.start("hold")
    server.event("held")
    client.start(how, code=code)
    assert client.ended() == code, client.stderr()
    server.event("released")
    assert not {"Fatal Python error", "core dumped"} & set(client.stderr().splitlines())


@pytest.mark.parametrize(("how", "code"), [("exit", 7), ("raise", 1)])
def test_a_server_ends_with_calls_in_flight(kinds: tuple[str, str], how: str, code: int, peers: Make) -> None:
    client, server = peers(kinds[0]), peers(kinds[1], reuse=False)
    pair = Pair(client, server, "calc", connect={"connect_timeout": 0.2})
    call = pair.start("hold")
    server.event("held")
    server.start(how, code=code)
    error = call.error()
    # asyncio cancels the handlers when its loop ends, and they say so.
    assert error.code in ("unavailable", "cancelled") or error.told["type"] == "CancelledError"
    assert server.ended() == code, server.stderr()
