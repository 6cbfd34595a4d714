"""Whoever has dialled, both sides call: the same for every pair of languages and every transport."""

from __future__ import annotations

import os

import pytest
from pairs import Pair

LANGUAGES = {"node": "javascript", "blocking": "python", "asyncio": "python", "uvloop": "python"}


@pytest.fixture
def pid(pair: Pair) -> int:
    """Of a second client, which offers something to the service."""
    pid: int = pair.client.do("connect_both_ways", **{"as": "d"}, address=pair.address, name="billing")
    return pid


def test_a_handler_sees_who_has_called(pair: Pair, pid: int) -> None:
    language = LANGUAGES[pair.kinds[0]]
    assert pair.client.do("call", on="d", method="who", args=[]) == [pid, os.getuid(), "billing", language]


def test_a_handler_sees_who_has_called_without_a_name(pair: Pair) -> None:
    assert pair.call("who") == [pair.client.pid, os.getuid(), None, LANGUAGES[pair.kinds[0]]]


def test_a_handler_calls_its_caller_back(pair: Pair, pid: int) -> None:
    assert pair.client.do("call", on="d", method="ask_back", args=[4]) == 40


@pytest.mark.parametrize("way", ["", "_awaiting"])
def test_a_handler_passes_its_caller_a_stream(pair: Pair, pid: int, way: str) -> None:
    assert pair.client.do("call", on="d", method=f"pour_back{way}", args=[30_000]) == sum(range(30_000))
    pair.server.event("numbers ended")


def test_a_server_calls_all_that_are_connected_and_hears_of_each(pair: Pair, pid: int) -> None:
    # The service has heard of the second client when that has called it. The first offers nothing.
    pair.client.do("call", on="d", method="who", args=[])
    assert pair.server.do("ask_peers", **{"as": "s"}, value=4) == [True, ["failed", 40]]
