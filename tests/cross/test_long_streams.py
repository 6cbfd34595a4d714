"""Long streams whose reader stops now and then take bounded memory, on both sides."""

from __future__ import annotations

import os

import pytest
from memory import memory_of
from pairs import BETWEEN_LANGUAGES, Pair

COUNT = int(os.environ.get("IPCBRIDGE_TEST_ITEMS", "200000"))  # ten million take half a minute
PAUSES = 10
WINDOW = 8192  # items that a generator may be ahead of its reader
PATIENCE = 300  # seconds from a pause to the next
# Kept, ten million items of nine bytes would be 90 MB on either side, and objects of them many times that.
MOST_GROWTH = (512 if "IPCBRIDGE_SANITIZED" in os.environ else 48) << 20
KINDS = [*BETWEEN_LANGUAGES, ("blocking", "asyncio"), ("asyncio", "blocking")]


@pytest.mark.parametrize("address", ["shm", "unix"], indirect=True)
@pytest.mark.parametrize("kinds", KINDS, ids="-to-".join)
@pytest.mark.parametrize("feeds", [False, True], ids=["result", "argument and result"])
def test_a_slow_reader_takes_bounded_memory_on_both_sides(feeds: bool, pair: Pair) -> None:
    method = "double" if feeds else "numbers"
    sipping = pair.client.start("sip", on="c", method=method, count=COUNT, every=COUNT // PAUSES, feeds=feeds)
    first: list[int] = []
    for pause in range(PAUSES):
        left = COUNT - (pause + 1) * COUNT // PAUSES
        pair.client.event("paused", PATIENCE)
        # A blocking reader makes the items of its argument itself, while it waits for those of the result.
        while not stalls(pair, left) and not (feeds and pair.client.kind == "blocking"):
            pass
        memory = [memory_of(peer.pid) for peer in (pair.client, pair.server)]
        first = first or memory
        grown = [now - before for now, before in zip(memory, first)]
        assert max(grown) < MOST_GROWTH, grown
        pair.client.do("go_on")
    assert sipping.result(PATIENCE) == COUNT
    if feeds:
        pair.client.event("fed")
    else:
        pair.server.event("numbers ended")


def stalls(pair: Pair, left: int) -> bool:
    """The server waits for credit, or has sent the last items, which fit in the window."""
    status = pair.of_server()
    names = ("stalled_streams", "open_streams") if pair.server.in_python else ("stalledStreams", "openStreams")
    stalled, streams = (status[name] for name in names)
    assert streams or left <= WINDOW, f"all items are made, and {left} of them are not read"
    return stalled is not None or not streams
