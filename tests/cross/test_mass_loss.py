"""The other side, in the other language, is killed with 1,000 streams and 1,000 callbacks open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from harness import Peer
from pairs import Pair

pytestmark = [
    pytest.mark.parametrize("address", ["shm", "unix"], indirect=True),
    pytest.mark.parametrize("kinds", [("node", "asyncio"), ("asyncio", "node")], ids="-to-".join),
]

Make = Callable[..., Peer]
MANY = 1000
FEW = {"limits": {"stream_window_items": 4}}


def of_server(pair: Pair) -> dict[str, Any]:
    names = ("open_streams", "running_calls") if pair.server.in_python else ("openStreams", "runningCalls")
    status = pair.of_server()
    return {"connections": status["connections"], "open": [status[name] for name in names]}


def test_a_client_outlives_its_server(kinds: tuple[str, str], address: str, peers: Make) -> None:
    client, server = peers(kinds[0]), peers(kinds[1], reuse=False)
    pair = Pair(client, server, address, connect=FEW)
    client.do("open_many", on="c", count=MANY)
    assert of_server(pair) == {"connections": 1, "open": [MANY, MANY]}
    server.kill()
    assert client.do("lose_many") == {"unavailable, sent maybe": 2 * MANY}
    peers(kinds[1]).do("serve", **{"as": "s"}, address=address, options={})
    assert pair.call("add", 1, 2) == 3


def test_a_server_outlives_its_client(kinds: tuple[str, str], address: str, peers: Make) -> None:
    client, server, other = peers(kinds[0], reuse=False), peers(kinds[1]), peers(kinds[0])
    pair = Pair(client, server, address, connect=FEW)
    client.do("open_many", on="c", count=MANY)
    client.kill()
    for _ in range(MANY):
        server.event("numbers ended")
    while of_server(pair) != {"connections": 0, "open": [0, 0]}:
        pass
    assert not server.has_event("numbers ended")
    other.do("connect", **{"as": "c"}, address=address)
    assert other.do("call", on="c", method="add", args=[1, 2]) == 3
