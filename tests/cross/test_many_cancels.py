"""Calls between the languages that are cancelled at random moments under load leave nothing behind on either side."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import pytest
from memory import Growth
from pairs import BETWEEN_LANGUAGES, Pair
from waiting import wait_until

CALLS = int(os.environ.get("IPCBRIDGE_TEST_CANCELS", "3000"))  # 100,000 take a minute
WARM_UP = CALLS // 4
MOST_GROWTH = (256 if "IPCBRIDGE_SANITIZED" in os.environ else 32) << 20  # bytes, from then on


@pytest.mark.parametrize("address", ["shm", "unix"], indirect=True)
@pytest.mark.parametrize("kinds", BETWEEN_LANGUAGES, ids="-to-".join)
def test_calls_that_are_cancelled_leave_nothing_behind(pair: Pair) -> None:
    def cancel(count: int) -> Any:
        return pair.client.start("cancel_many", on="c", count=count).result(None)

    cancel(WARM_UP)
    growths = [Growth(partial(peer.do, "memory")) for peer in (pair.client, pair.server)]
    outcomes = cancel(CALLS - WARM_UP)
    assert set(outcomes) <= {"ended", "cancelled", "deadline_exceeded"}
    assert min(outcomes.values()) > CALLS / 100
    wait_until(pair.is_idle)
    for growth in growths:
        growth.check(MOST_GROWTH)
    assert pair.call("add", 1, 2) == 3
