"""How long the end of a server waits for the handlers that run."""

from __future__ import annotations

import math
import time

LAST_WAIT = 1.0  # seconds that close() waits at least for what runs to end


class Grace:
    """Begins when the server is told to close; until then there is none."""

    def __init__(self) -> None:
        self._end = 0.0  # in seconds of time.monotonic()

    def begin(self, microseconds: int) -> None:
        self._end = math.inf if microseconds < 0 else time.monotonic() + microseconds / 1e6

    def deadline(self) -> float:
        """Until when to wait for those whose callers have gone: the driver does not wait for what nobody is told of."""
        return max(self._end, time.monotonic() + LAST_WAIT)
