"""Who wants to hear of the states of a connection or a server."""

from __future__ import annotations

from _collections_abc import Callable
from _queue import SimpleQueue

from .._errors import Code, IpcError, error_from_code
from .._typing import TYPE_CHECKING, cast
from . import log as _log
from .threads import OnceThread

if TYPE_CHECKING:
    from typing import Optional

    StateListener = Callable[[str, Optional[IpcError]], object]
else:
    StateListener = Callable


class Listeners:
    """Those of one client or server. Any thread."""

    def __init__(self) -> None:
        # With keys of their own, because the same function may listen twice.
        self._entries: dict[object, tuple[int, StateListener]] = {}

    def add(self, listener: StateListener, since: int = 0) -> Callable[[], None]:
        """Of changes after number `since`. The function returned ends it, also when called again."""
        entry = object()
        self._entries[entry] = (since, listener)

        def unsubscribe() -> None:
            self._entries.pop(entry, None)

        return unsubscribe

    def tell(self, state: str, code: str, message: str, number: int = 1) -> None:
        reason = None if code == "ok" else error_from_code(cast("Code", code), message)
        for since, listener in self._snapshot():
            if since >= number:
                continue
            try:
                listener(state, reason)
            except BaseException as error:  # sys.exit() among them
                import threading

                if threading.current_thread() is threading.main_thread() and not isinstance(error, Exception):
                    raise  # Ctrl-C, while an event loop runs there
                _log.error("a listener of on_state() failed", exc_info=error)

    def _snapshot(self) -> list[tuple[int, StateListener]]:
        while True:
            try:
                return list(self._entries.values())
            except RuntimeError:  # a finaliser has changed it at that moment
                continue


class Teller:
    """The thread on which the listeners of the blocking API run: nothing else has to wait for them. Any thread."""

    def __init__(self) -> None:
        self._thread = OnceThread(self._run, "ipcbridge-listeners")
        self._changes: SimpleQueue[tuple[Listeners, str, str, str, int] | None] = SimpleQueue()

    def start(self) -> None:
        """To be called before there is the first listener."""
        self._thread.start()

    def tell(self, listeners: Listeners, state: str, code: str, message: str, number: int) -> None:
        if self._thread.is_started():
            self._changes.put((listeners, state, code, message, number))

    def stop(self, timeout: float) -> None:
        """Waits for it, so long at the most."""
        if self._thread.is_started():
            self._changes.put(None)
            self._thread.join(timeout)

    def _run(self) -> None:
        while (change := self._changes.get()) is not None:
            listeners, state, code, message, number = change
            listeners.tell(state, code, message, number)
            del change, listeners
