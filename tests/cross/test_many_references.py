"""Functions and objects between the languages that are made and released many times leave nothing behind."""

from __future__ import annotations

import os
from functools import partial

import pytest
from memory import Growth, Leaks
from pairs import BETWEEN_LANGUAGES, Pair
from waiting import wait_until

CYCLES = int(os.environ.get("IPCBRIDGE_TEST_CYCLES", "2000"))  # a million take some minutes
WARM_UP = CYCLES // 10
# Of a million cycles, a leak of a hundred bytes in each would be 90 MB.
MOST_GROWTH = (512 if "IPCBRIDGE_SANITIZED" in os.environ else 64) << 20


@pytest.mark.parametrize("kinds", BETWEEN_LANGUAGES, ids="-to-".join)
def test_what_is_released_is_gone_on_both_sides(local_pair: Pair) -> None:
    def cycle(count: int) -> None:
        local_pair.client.start("cycle", on="c", count=count).result(None)

    both = (local_pair.client, local_pair.server)

    def settle() -> None:
        wait_until(lambda: [peer.do("shared") for peer in both] == [0, 0])

    cycle(WARM_UP)
    settle()
    leaks = [Leaks(partial(peer.do, "allocations")) for peer in both if peer.in_python]
    growths = [Growth(partial(peer.do, "memory")) for peer in both]
    cycle(CYCLES - WARM_UP)
    settle()
    for leak in leaks:
        leak.check(CYCLES - WARM_UP)
    for growth in growths:
        growth.check(MOST_GROWTH)
