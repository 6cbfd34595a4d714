"""What a process has once for its blocking API: the pump, the thread that hears its news, the end of both."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakSet, WeakValueDictionary

from . import _local_loops, _native
from ._errors import IpcError
from ._listeners import Teller

logger = logging.getLogger("ipcbridge")

EXIT_GRACE = 2.0
"""Seconds that running handlers have when the interpreter exits."""


class ServerLike(Protocol):
    """What the process knows of a server."""

    def on_state(self, state: str, code: str, message: str, number: int) -> None: ...
    def on_cancel(self, connection: int, call_id: int) -> None: ...
    def on_saturated(self) -> None: ...
    def shut_down(self) -> None: ...


class Process:
    """The pump and who must be told of what. Any thread."""

    def __init__(self) -> None:
        self.pump = _native.Pump()
        self.servers: dict[int, ServerLike] = {}
        self._observers: WeakValueDictionary[int, Any] = WeakValueDictionary()
        self._lock = threading.Lock()
        self._listener: threading.Thread | None = None
        self.teller = Teller()

    def listen(self) -> None:
        """Starts the thread that passes on news; it sleeps while there is none."""
        with self._lock:
            if self._listener is None:
                self.pump.listen()
                thread = threading.Thread(target=self._pass_on, name="ipcbridge-news", daemon=True)
                thread.start()  # Ctrl-C, or a limit of threads, may end it here
                self._listener = thread

    def observe_client(self, client_id: int, client: Any) -> None:
        self._observers[client_id] = client
        self.listen()

    def _pass_on(self) -> None:
        while True:
            try:
                news = self.pump.next_news()
            except IpcError:
                return
            if news is None:
                return
            try:
                self._tell(*news)
            except BaseException:  # there is no other thread to hear the rest
                logger.exception("telling of %s failed", news[:3])

    def _tell(
        self, kind: str, owner: int, state: str, code: str, message: str, connection: int, call_id: int, number: int
    ) -> None:
        if kind == "client":
            client = self._observers.get(owner)
            if client is not None:
                client.on_state(state, code, message, number)
            return
        server = self.servers.get(owner)
        if server is None:
            return
        if kind == "server":
            server.on_state(state, code, message, number)
        elif kind == "cancel":
            server.on_cancel(connection, call_id)
        else:
            server.on_saturated()

    def shut_down(self) -> None:
        for server in list(self.servers.values()):
            server.shut_down()
        for client in list(_clients):
            client.close()
        self.pump.shut_down()
        if self._listener is not None and self._listener is not threading.current_thread():
            self._listener.join(EXIT_GRACE)
        self.teller.stop(EXIT_GRACE)


_lock = threading.Lock()
_current: Process | None = None
_clients: WeakSet[Any] = WeakSet()
_after_fork: list[Callable[[], None]] = []
_at_exit: list[Callable[[], None]] = []


def current() -> Process:
    """This process's, made when first asked for; a forked child gets its own."""
    global _current
    with _lock:
        if _current is None:
            _current = Process()
        return _current


def track_client(client: Any) -> None:
    """Closes the client when the interpreter exits."""
    _clients.add(client)


def call_at_exit(callback: Callable[[], None]) -> None:
    """For what must end after the servers have been closed."""
    _at_exit.append(callback)


def call_after_fork(callback: Callable[[], None]) -> None:
    """For what the child must forget: threads and loops that run in the parent only."""
    _after_fork.append(callback)


def _exit() -> None:
    global _current
    process, _current = _current, None
    if process is not None:
        process.shut_down()
    for callback in _at_exit:
        callback()


def _forget_parent() -> None:
    global _current, _lock
    _lock = threading.Lock()
    _current = None
    _at_exit.clear()
    _clients.clear()
    _local_loops.forget_all()
    for callback in _after_fork:
        callback()


atexit.register(_exit)
os.register_at_fork(after_in_child=_forget_parent)
