"""Who wants to hear of the states of a connection or a server."""

from __future__ import annotations

import logging
import threading
from queue import SimpleQueue
from typing import Callable, Optional, cast

from ._errors import Code, IpcError, error_from_code

logger = logging.getLogger("ipcbridge")

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
            except BaseException as error:  # sys.exit() among them
                if threading.current_thread() is threading.main_thread() and not isinstance(error, Exception):
                    raise  # Ctrl-C, while an event loop runs there
                logger.exception("a listener of on_state() failed")


class Teller:
    """The thread on which the listeners of the blocking API run: nothing else has to wait for them. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._news: SimpleQueue[tuple[Listeners, str, str, str, int] | None] = SimpleQueue()

    def start(self) -> None:
        """To be called before there is the first listener."""
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="ipcbridge-listeners", daemon=True)
                thread.start()
                self._thread = thread

    def tell(self, listeners: Listeners, state: str, code: str, message: str, number: int) -> None:
        if self._thread is not None:
            self._news.put((listeners, state, code, message, number))

    def stop(self, timeout: float) -> None:
        """Waits for it, so long at the most."""
        if self._thread is not None:
            self._news.put(None)
            if self._thread is not threading.current_thread():
                self._thread.join(timeout)

    def _run(self) -> None:
        while (news := self._news.get()) is not None:
            listeners, state, code, message, number = news
            listeners.tell(state, code, message, number)
            del news, listeners
