"""A stream of ten million items whose reader stops now and then takes bounded memory, on both sides."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from harness import Peer
from pairs import Pair

SANITIZED = "IPCBRIDGE_SANITIZED" in os.environ
COUNT = 500_000 if SANITIZED else 10_000_000
PAUSES = 10
# Kept, ten million items of nine bytes would be 90 MB on either side, and objects of them many times that.
MOST_GROWTH = (512 if SANITIZED else 48) << 20


def memory_of(peer: Peer) -> int:
    status = Path(f"/proc/{peer.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]


@pytest.mark.parametrize(
    "kinds", [("node", "blocking"), ("blocking", "node"), ("node", "asyncio"), ("asyncio", "node")], ids="-to-".join
)
def test_a_slow_reader_takes_bounded_memory_on_both_sides(kinds: tuple[str, str], peers: Any) -> None:
    pair = Pair(peers(kinds[0], reuse=False), peers(kinds[1], reuse=False), "calc")
    sipping = pair.client.start("sip", on="c", method="numbers", count=COUNT, every=COUNT // PAUSES)
    first: list[int] = []
    for _ in range(PAUSES):
        pair.client.event("paused")
        while pair.of_server()["stalledStreams" if kinds[1] == "node" else "stalled_streams"] is None:
            if not pair.of_server()["openStreams" if kinds[1] == "node" else "open_streams"]:
                break  # the last items fit in the window
        memory = [memory_of(pair.client), memory_of(pair.server)]
        first = first or memory
        grown = [now - before for now, before in zip(memory, first)]
        assert max(grown) < MOST_GROWTH, grown
        pair.client.do("go_on")
    assert sipping.result(120) == COUNT
    pair.server.event("numbers ended")
