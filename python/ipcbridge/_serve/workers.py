"""The threads of a blocking server."""

from __future__ import annotations

import _thread
import contextvars
from _collections_abc import Callable

from .. import _native
from .._errors import IpcError
from .._process.threads import start_thread
from .._suppress import suppress
from .._typing import TYPE_CHECKING
from .decimal_context import decimal_context_setter
from .service import Method

if TYPE_CHECKING:
    import threading

    from .endings import Ending


class Workers:
    """They read the calls of one server, and run its handlers."""

    def __init__(self, driver: _native.BlockingDriver, name: str, handlers: list[Method]) -> None:
        self._driver = driver
        self._name = name
        self._handlers = handlers
        self._pool = 0
        self._threads: list[threading.Thread] = []

    def use(self, server: int, count: int, plain: list[bool]) -> None:
        """That many run the plain methods at a time, of which `plain` says which they are."""
        self._pool = self._driver.use_threads(server, count, plain)

    def start(self, server: int, count: int) -> None:
        """So that there are that many."""
        while len(self._threads) < count:
            name = f"ipcbridge-{self._name}-{len(self._threads)}"
            self._threads.append(start_thread(lambda: self._run_on_thread(server), name))

    def run(self, server: int, epoch: int, ending: Ending | None) -> None:
        """Runs handlers on this thread until the server ends."""
        # For this thread, whose contextvars each call gets a copy of.
        before = decimal_context_setter(contextvars.copy_context())
        self._driver.run_worker(server, epoch, self._pool, self._handlers, before, ending)

    def _run_on_thread(self, server: int) -> None:
        with suppress(IpcError):  # the end of the interpreter
            self.run(server, 0, None)

    def join(self, left: Callable[[], float]) -> None:
        """Waits for them, for as many seconds as are left each time; not for the thread that calls."""
        for thread in list(self._threads):
            if thread.ident != _thread.get_ident():
                thread.join(left())
