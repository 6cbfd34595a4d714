"""Waits for what nobody tells of."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

PATIENCE = 600 if "IPCBRIDGE_SANITIZED" in os.environ else 60  # seconds


def wait_until(satisfied: Callable[[], bool]) -> None:
    """Fails when that takes far too long."""
    end = time.monotonic() + PATIENCE
    while not satisfied():
        assert time.monotonic() < end, "it has not come to be"
        time.sleep(0.001)
