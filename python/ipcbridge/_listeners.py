"""Who wants to hear of the states of a connection or a server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

StateListener = Callable[[str], object]


class Listeners:
    """Those of one client or server. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # With keys of their own, because the same function may listen twice.
        self._entries: dict[object, tuple[int, StateListener]] = {}

    def add(self, listener: StateListener, since: int = 0) -> Callable[[], None]:
        """Of news after number `since`. The function returned ends it, also when called again."""
        entry = object()
        with self._lock:
            self._entries[entry] = (since, listener)

        def unsubscribe() -> None:
            with self._lock:
                self._entries.pop(entry, None)

        return unsubscribe

    def tell(self, state: str, number: int = 1) -> None:
        with self._lock:
            entries = list(self._entries.values())
        for since, listener in entries:
            if since >= number:
                continue
            try:
                listener(state)
            except Exception:
                logging.getLogger("ipcbridge").exception("a listener of on_state() failed")
