"""What goes through a service of the other language to one behind it, and what comes back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from harness import Peer
from pairs import TRANSPORTS, make_address

# The client, the service that it calls, and the one that this calls.
CHAINS = [
    ("node", "blocking", "node"),
    ("node", "asyncio", "node"),
    ("blocking", "node", "blocking"),
    ("asyncio", "node", "asyncio"),
]


class Chain:
    def __init__(self, client: Peer, middle: Peer, last: Peer, addresses: list[str]) -> None:
        self.client, self.middle, self.last = client, middle, last
        last.do("serve", **{"as": "s"}, address=addresses[1])
        middle.do("serve", **{"as": "s"}, address=addresses[0])
        middle.do("connect", **{"as": "onward"}, address=addresses[1])
        client.do("connect", **{"as": "c"}, address=addresses[0])

    def start(self, method: str, **more: Any) -> Any:
        return self.client.start("call", on="c", method="relay", args=["onward", method], **more)

    def heard(self, **more: Any) -> list[dict[str, Any]]:
        """What each of the two handlers hears of its call."""
        return [dict(about["object"]) for about in self.start("about", **more).result()]


@pytest.fixture(params=TRANSPORTS)
def addresses(request: pytest.FixtureRequest, directory: Path) -> list[str]:
    return [make_address(request.param, directory, name) for name in ("middle", "last")]


@pytest.fixture(params=CHAINS, ids="-".join)
def chain(request: pytest.FixtureRequest, addresses: list[str], peers: Any) -> Chain:
    client, middle, last = request.param
    return Chain(peers(client), peers(middle), peers(last), addresses)


def seconds(told: Any) -> float:
    return float(told["float"]) if isinstance(told, dict) else float(told)


def test_the_last_handler_has_what_is_left_of_the_deadline(chain: Chain) -> None:
    middle, last = (seconds(about["deadline"]) for about in chain.heard(timeout=60))
    assert 0 < last <= middle <= 60
    assert [about["deadline"] for about in chain.heard()] == [None, None]


def test_the_last_handler_sees_the_metadata_that_are_marked(chain: Chain) -> None:
    given = {"tenant": "acme", "user": "ada"}
    middle, last = chain.heard(metadata=given, pass_on=["tenant"])
    assert dict(middle["metadata"]["object"]) == given
    assert dict(last["metadata"]["object"]) == {"tenant": "acme"}
    assert chain.heard(metadata=given)[1]["metadata"] == {"object": []}


def test_the_timeout_of_the_caller_ends_the_last_handler(chain: Chain) -> None:
    call = chain.start("hold", timeout=0.5)
    chain.last.event("held")
    assert call.error().code == "deadline_exceeded"
    chain.last.event("released")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python has no groups")
def test_a_group_of_errors_comes_back_whole(chain: Chain) -> None:
    error = chain.start("fail_together").error().told
    assert error["type"] == ("AggregateError" if chain.last.kind == "node" else "ExceptionGroup")
    one, inner = error["errors"]
    assert (one["type"], [two["message"] for two in inner["errors"]]) == ("Broken", ["two"])
