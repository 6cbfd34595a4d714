"""Waits for what nobody tells of."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(satisfied: Callable[[], bool]) -> None:
    """Fails after a minute."""
    end = time.monotonic() + 60
    while not satisfied():
        assert time.monotonic() < end, "it has not come to be"
        time.sleep(0.001)
