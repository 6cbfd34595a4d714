"""What a caller learns of a service that does not answer."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from typing import Any

import pytest
from harness import Peer, Pipe
from pairs import KINDS, Pair

Make = Callable[..., Peer]

TIMED_OUT = "add() was not answered before its deadline"
UNREAD = "; the service has not read it"
BUSY = r"; the longest running handler of the service is grip\(\), for \d+\.\d s"


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, peers: Make) -> Peer:
    return peers(request.param)


def status_of(pair: Pair) -> dict[str, Any]:
    status: dict[str, Any] = pair.client.do("status", on="c")
    return status


def wait_until_busy(pair: Pair) -> dict[str, Any]:
    while True:
        busy: dict[str, Any] | None = status_of(pair)["busy"]
        if busy is not None:
            return busy


@pytest.mark.parametrize("method", ["stall", "grip"])
def test_status_names_the_handler_that_is_stuck_whether_it_has_the_gil_or_not(
    method: str, client: Peer, peers: Make, pipe: Pipe
) -> None:
    pair = Pair(client, peers("blocking"), "calc")
    assert status_of(pair)["busy"] is None
    call = pair.start(method, pipe.path)
    busy = wait_until_busy(pair)
    assert busy["method"] == method
    assert 0 < busy["seconds"] < 60
    pipe.write()
    call.result()
    while status_of(pair)["busy"] is not None:
        pass


def test_a_timeout_names_it_too_and_a_stopped_service_is_still_seen(client: Peer, peers: Make, pipe: Pipe) -> None:
    pair = Pair(client, peers("blocking"), "calc")
    call = pair.start("grip", pipe.path)
    wait_until_busy(pair)
    assert re.fullmatch(re.escape(TIMED_OUT) + BUSY, pair.error("add", 1, timeout=0.5).message)
    pair.server.signal(signal.SIGSTOP)
    assert re.fullmatch(re.escape(TIMED_OUT) + UNREAD + BUSY, pair.error("add", 1, timeout=0.1).message)
    status = status_of(pair)
    assert status["busy"]["method"] == "grip"
    assert status["unread_bytes"] > 0
    pair.server.signal(signal.SIGCONT)
    pipe.write()
    call.result()


def test_a_timeout_says_when_a_stopped_service_has_not_read_the_call(client: Peer, peers: Make) -> None:
    pair = Pair(client, peers("blocking"), "calc")
    pair.server.signal(signal.SIGSTOP)
    assert pair.error("add", 1, timeout=0.1).message == TIMED_OUT + UNREAD
    status = status_of(pair)
    assert status["unread_bytes"] > 0
    assert status["busy"] is None
    pair.server.signal(signal.SIGCONT)
    assert pair.call("add", 1) == 1
    assert status_of(pair)["unread_bytes"] == 0


def test_a_blocked_event_loop_shows_in_what_it_has_not_read(client: Peer, peers: Make, pipe: Pipe) -> None:
    pair = Pair(client, peers("node"), "calc")
    call = pair.start("grip", pipe.path)
    pair.server.event("gripping")
    assert pair.error("add", 1, timeout=0.1).message == TIMED_OUT + UNREAD
    assert status_of(pair)["unread_bytes"] > 0
    pipe.write()
    call.result()
