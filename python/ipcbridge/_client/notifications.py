"""Notifications that were not taken: nobody waits for them, so the log tells of them, at most once a second."""

from __future__ import annotations

import time

from .._process import log as _log

_INTERVAL = 1.0  # seconds


class Dropped:
    """Those of one client. Any thread."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._count = 0
        self._next_line = 0.0

    def add(self) -> None:
        self._count += 1
        now = time.monotonic()
        if now < self._next_line:
            return
        self._next_line = now + _INTERVAL
        number, self._count = self._count, 0
        what = "a notification was" if number == 1 else f"{number} notifications were"
        _log.warning("%s: %s dropped: the queue is full, or nobody is there", self._address, what)
