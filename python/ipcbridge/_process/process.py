"""What a process has once for its blocking API: the driver, the thread that hears its events, the end of both."""

from __future__ import annotations

import atexit
import os
from _collections_abc import Callable
from weakref import WeakValueDictionary

from .. import _native
from .._errors import IpcError
from .._suppress import suppress
from .._typing import Any, Protocol
from . import local_loops as _local_loops
from . import log as _log
from .listeners import Teller
from .threads import OnceThread, no_thread, refuse_replaced_threads, silence_daemons

EXIT_GRACE = 2.0
"""Seconds that running handlers have when the interpreter exits."""


class ServerLike(Protocol):
    """What the process knows of a server."""

    def on_state(self, state: str, code: str, message: str, number: int) -> None: ...
    def on_cancel(self, connection: int, call_id: int) -> None: ...
    def on_saturated(self) -> None: ...
    def shut_down(self) -> None: ...


class Process:
    """The driver and who must be told of what. Any thread."""

    def __init__(self) -> None:
        try:
            self.driver = _native.BlockingDriver()
        except RuntimeError as error:
            raise no_thread(error) from None
        self.servers: dict[int, ServerLike] = {}
        self.on_released: Callable[[int], object] | None = None  # of references
        self._calls: dict[str, Any] = {}
        self.clients: WeakValueDictionary[int, Any] = WeakValueDictionary()  # told of their states, closed at the end
        self._listener = OnceThread(self._pass_on, "ipcbridge-events")
        self.teller = Teller()
        self.collector = OnceThread(self._collect, "ipcbridge-results")

    @property
    def calls(self) -> Any:
        """How the other sides of connections are called."""
        calls = self._calls.get("calls")  # a dict, because threads that meet here all get what one of them has set
        return self._calls.setdefault("calls", _make_calls[0](self)) if calls is None else calls

    def listen(self) -> None:
        """Starts the thread that passes on events; it sleeps while there is none."""
        self.driver.listen()
        self._listener.start()

    def _pass_on(self) -> None:
        while True:
            try:
                event = self.driver.next_event()
            except IpcError:
                return
            if event is None:
                return
            try:
                self._tell(*event)
            except BaseException as error:  # there is no other thread to hear the rest
                _log.error("telling of %s failed", event[:3], exc_info=error)

    def _collect(self) -> None:
        with suppress(IpcError):  # the end of the interpreter
            self.driver.collect_answers()

    def _tell(
        self, kind: str, owner: int, state: str, code: str, message: str, connection: int, call_id: int, number: int
    ) -> None:
        if kind == "client":
            client = self.clients.get(owner)
            if client is not None:
                client.on_state(state, code, message, number)
            return
        if kind == "released":
            if self.on_released is not None:
                self.on_released(call_id)
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
        for client in list(self.clients.values()):
            client.close()
        for callback in _before_driver_ends:
            callback()
        self.driver.stop_collecting()
        self.collector.join(EXIT_GRACE)
        self.driver.shut_down()
        self._listener.join(EXIT_GRACE)
        self.teller.stop(EXIT_GRACE)


_make_calls: list[Callable[[Process], Any]] = []
_current: dict[str, Process] = {}
_after_fork: list[Callable[[], None]] = []
_at_exit: list[Callable[[], None]] = []
_before_driver_ends: list[Callable[[], None]] = []


def current() -> Process:
    """This process's, made when first asked for; a forked child gets its own."""
    refuse_replaced_threads()
    process = _current.get("process")
    if process is None:
        made = Process()
        process = _current.setdefault("process", made)
        if process is not made:  # another thread, or a finaliser, was quicker
            made.driver.shut_down()
    return process


def use_calls(make: Callable[[Process], Any]) -> None:
    """What makes Process.calls, which is above this module."""
    _make_calls.append(make)


def call_at_exit(callback: Callable[[], None]) -> None:
    """For what must end after everything else."""
    _at_exit.append(callback)


def call_before_driver_ends(callback: Callable[[], None]) -> None:
    """For what must end after the servers have been closed, and uses the driver until then."""
    _before_driver_ends.append(callback)


def call_after_fork(callback: Callable[[], None]) -> None:
    """For what the child must forget: threads and loops that run in the parent only."""
    _after_fork.append(callback)


def _exit() -> None:
    process = _current.pop("process", None)
    if process is not None:
        silence_daemons()
        process.shut_down()
    for callback in _at_exit:
        callback()
    _log.flush()


def _forget_parent() -> None:
    _current.clear()
    _log.forget_parent()
    _at_exit.clear()
    _before_driver_ends.clear()
    _local_loops.forget_all()
    for callback in _after_fork:
        callback()


atexit.register(_exit)
os.register_at_fork(after_in_child=_forget_parent)
