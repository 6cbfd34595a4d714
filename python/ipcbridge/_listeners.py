"""Who wants to hear of the states of a connection or a server."""

from __future__ import annotations

import logging
import threading
from typing import Callable, Optional, cast

from ._errors import Code, IpcError, error_from_code

StateListener = Callable[[str, Optional[IpcError]], object]


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

    def tell(self, state: str, code: str, message: str, number: int = 1) -> None:
        reason = None if code == "ok" else error_from_code(cast("Code", code), message)
        with self._lock:
            entries = list(self._entries.values())
        for since, listener in entries:
            if since >= number:
                continue
            try:
                listener(state, reason)
            except Exception:
                logging.getLogger("ipcbridge").exception("a listener of on_state() failed")
