"""close_on_signals(): a process that is told to end lets calls finish first."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from types import FrameType
from typing import Any, NamedTuple, Protocol

from .._errors import IpcError
from .._options import Seconds, microseconds
from .._process import process as _process
from .._process.threads import Latch, start_thread
from .._shown import shown
from .._suppress import suppress
from .._tracebacks import leave_one_frame
from .._typing import TYPE_CHECKING
from . import endings as _endings

if TYPE_CHECKING:
    import asyncio

_LOOK_AGAIN = 0.1  # seconds, after which a loop may have been closed


class Closable(Protocol):
    """What servers have for this, on any thread."""

    def begin_close(self, grace_us: int) -> None: ...
    def wait_closed(self) -> None: ...
    def is_closed(self) -> bool: ...
    def main_loop(self) -> asyncio.AbstractEventLoop | None:
        """Its event loop, if that is the main thread's."""


class _Registration(NamedTuple):
    servers: list[Closable]
    grace_us: int
    signals: list[int]
    exit_code: int | None

    def is_over(self) -> bool:
        return all(server.is_closed() for server in self.servers)


class _SignalHandlers:
    """Which signals close what. The thread that closes the servers is beside the main thread, which handles signals."""

    def __init__(self) -> None:
        self._registrations: list[_Registration] = []
        self._before: dict[int, Any] = {}
        self._exit_code: int | None = None  # once a signal has come
        self._is_sent = False  # by this process itself
        self._over = Latch()
        self._raised = Latch()

    def add(self, registration: _Registration) -> Callable[[], None]:
        for number in registration.signals:
            if number not in self._before:
                self._before[number] = signal.signal(number, self._on_signal)
        self._registrations.append(registration)

        def remove() -> None:
            with suppress(ValueError):  # it has been called before
                self._registrations.remove(registration)
            self._restore()

        return remove

    def forget_all(self) -> None:
        """In a forked child, whose signals are its own affair."""
        self._registrations.clear()
        self._restore()
        self._exit_code, self._is_sent = None, False
        self._over, self._raised = Latch(), Latch()
        _endings.ending_process.clear()

    def _restore(self) -> None:
        """What nobody asks for any more. Off the main thread the next signal does it."""
        wanted = {number for each in self._registrations for number in each.signals}
        for number in [number for number in self._before if number not in wanted]:
            with suppress(ValueError):
                signal.signal(number, self._before[number] or signal.SIG_DFL)
                del self._before[number]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._is_sent:
            self._is_sent = False
            self._raise_exit()
        elif self._exit_code is not None:
            os._exit(128 + number)
        else:
            self._begin(number, frame)

    def _begin(self, number: int, frame: FrameType | None) -> None:
        self._registrations = [each for each in self._registrations if not each.is_over()]
        concerned = [each for each in self._registrations if number in each.signals]
        if not concerned:
            self._do_as_before(number, frame)
            return
        codes = [each.exit_code for each in concerned if each.exit_code is not None]
        self._exit_code = codes[0] if codes else 128 + number
        _endings.ending_process.append(self._finish)
        try:
            start_thread(lambda: self._close(number, concerned), "ipcbridge-closing")
        except IpcError:
            self._raise_exit()  # which closes them with less grace

    def _do_as_before(self, number: int, frame: FrameType | None) -> None:
        before = self._before[number]
        self._restore()
        if callable(before):
            before(number, frame)
        elif before == signal.SIG_DFL:
            signal.raise_signal(number)

    def _close(self, number: int, concerned: list[_Registration]) -> None:
        servers = [(server, each.grace_us) for each in concerned for server in each.servers]
        for server, grace_us in servers:
            server.begin_close(grace_us)
        for server, _ in servers:
            server.wait_closed()
        self._over.set()
        loops = [loop for server, _ in servers if (loop := server.main_loop()) is not None]
        if not (loops and self._raise_on(loops[0])):
            self._is_sent = True
            signal.pthread_kill(_main_thread(), number)

    def _raise_on(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Between two of its callbacks. False when it is closed before it comes to that."""
        try:
            loop.call_soon_threadsafe(self._raise_exit)
        except RuntimeError:
            return False
        while not self._raised.wait(_LOOK_AGAIN):
            if loop.is_closed():
                return self._raised.is_set()
        return True

    def _finish(self) -> None:
        """At the end of Server.wait() and Server.run() on the main thread."""
        self._over.wait()
        self._raise_exit()

    def _raise_exit(self) -> None:
        if not self._raised.is_set():
            self._raised.set()
            _endings.raise_on_main_thread(SystemExit(self._exit_code))


def _main_thread() -> int:
    identifier = threading.main_thread().ident
    assert identifier is not None
    return identifier


_handlers = _SignalHandlers()
_process.call_after_fork(_handlers.forget_all)


def close_on_signals(
    servers: Closable | Sequence[Closable],
    *,
    grace: Seconds = 10,
    signals: Iterable[int] = (signal.SIGTERM, signal.SIGINT),
    exit_code: int | None = None,
) -> Callable[[], None]:
    """From now on SIGTERM and SIGINT close the servers as close(grace) does, and then end the process by a SystemExit.

    It is raised on the main thread, in Server.wait(), Server.run(), the event loop or wherever that thread is, so that
    `finally` blocks and what `atexit` knows run. `exit_code` is the process's, by default 128 and the number of the
    signal, 143 after SIGTERM. A second signal ends the process at once. The function returned ends all this, and so
    does the end of the servers.

    `servers` is one or a list, of the blocking API or of aio. Handlers of these signals that the program has set before
    are replaced; a forked child has them again.

    Raises IpcError: 'invalid_argument', and 'failed_precondition' off the main thread, where Python handles no signals.
    """
    try:
        if threading.current_thread() is not threading.main_thread():
            raise IpcError(
                "failed_precondition", "Python handles signals on the main thread: call close_on_signals() there"
            )
        grace_us, numbers, code = microseconds(grace, "grace"), _check_signals(signals), _check_exit_code(exit_code)
        return _handlers.add(_Registration(_check_servers(servers), grace_us, numbers, code))
    except BaseException as error:
        leave_one_frame(error)
        raise


def _check_servers(servers: Any) -> list[Any]:
    listed = list(servers) if isinstance(servers, (list, tuple)) else [servers]
    for server in listed:
        if not hasattr(server, "main_loop"):
            raise IpcError("invalid_argument", f"close_on_signals() takes servers, not {shown(server)}")
    return listed


def _check_signals(signals: Iterable[int]) -> list[int]:
    if not isinstance(signals, Iterable):
        raise IpcError("invalid_argument", f"signals is a list of them, [signal.SIGTERM] say, not {shown(signals)}")
    numbers = list(signals)
    for number in numbers:
        if number not in signal.valid_signals() or number in (signal.SIGKILL, signal.SIGSTOP):
            raise IpcError(
                "invalid_argument", f"signals are such as can be handled, signal.SIGTERM say, not {shown(number)}"
            )
    return numbers


def _check_exit_code(code: int | None) -> int | None:
    if code is None or (isinstance(code, int) and 0 <= code <= 255):
        return code
    raise IpcError("invalid_argument", f"exit_code is an integer from 0 to 255, not {shown(code)}")
