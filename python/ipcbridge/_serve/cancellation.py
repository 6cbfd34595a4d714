"""How a handler that blocks hears that its caller has stopped waiting."""

from __future__ import annotations

import time

from .. import _native
from .._process.threads import Latch
from .._suppress import suppress
from .._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Key = tuple[int, int]


class Waiters:
    """Those of a server's handlers that wait for the cancellation of their calls. Any thread."""

    def __init__(self) -> None:
        self._latches: dict[Key, list[Latch]] = {}

    def add(self, key: Key, latch: Latch) -> None:
        while True:
            latches = self._latches.setdefault(key, [])
            latches.append(latch)
            if self._latches.get(key) is latches:  # it has not been taken away meanwhile
                return

    def remove(self, key: Key, latch: Latch) -> None:
        latches = self._latches.get(key, [])
        with suppress(ValueError):
            latches.remove(latch)
        if not latches and self._latches.pop(key, None) is latches:
            for late in latches:  # added in between
                self.add(key, late)

    def tell(self, key: Key) -> None:
        for latch in self._latches.pop(key, ()):
            latch.set()


class Cancellation:
    """Set when the caller waits no longer. Like a threading.Event that one can only look at; any thread."""

    __slots__ = ("_call",)

    def __init__(self, call: _native.InboundCall) -> None:
        self._call = call

    def is_set(self) -> bool:
        return self._call.cancelled()

    def wait(self, timeout: float | None = None) -> bool:
        """Until the caller waits no longer, or for so many seconds; whether it waits no longer.

        For handlers that block: in place of time.sleep(), say. Returns at once when the call has been answered.
        """
        server: Any = self._call.server
        if self._call.cancelled() or server is None:
            return self._call.cancelled()
        latch, key = Latch(), self._call.key
        deadline = None if timeout is None else time.monotonic() + timeout
        server.waiters.add(key, latch)
        try:
            if not self._call.cancelled():  # whoever cancels it from now on finds the latch
                latch.wait(-1 if deadline is None else max(0.0, min(deadline - time.monotonic(), _LONGEST)))
        finally:
            server.waiters.remove(key, latch)
        return self._call.cancelled()


_LONGEST = 1e9  # seconds; more than locks take
