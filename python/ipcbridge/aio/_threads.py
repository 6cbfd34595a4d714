"""The threads on which an asyncio server runs plain handlers."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import Context
from typing import Optional
from weakref import WeakSet

from .. import _native
from .._errors import IpcError
from .._process import process as _process
from .._process.threads import start_thread
from .._serve.service import Method

_Refuse = Callable[[_native.InboundCall, BaseException], None]
_Before = Optional[Callable[[], None]]


class HandlerThreads:
    """Those of one server: started when calls wait for one, up to a number; daemons, which end with their server."""

    def __init__(
        self,
        driver: _native.Driver,
        name: str,
        most: int,
        pool_id: int,
        handlers: list[Method],
        context: Context,
        before: _Before,
        refuse: _Refuse,
    ) -> None:
        """Each call gets a copy of the context, in which `before` is called first."""
        self.pool = _native.HandlerPool(most)
        self._driver = driver
        self._name = name
        self._pool_id = pool_id
        self._handlers = handlers
        self._context = context
        self._before = before
        self._refuse = refuse
        self._threads: list[threading.Thread] = []
        self._runs: list[Future[None]] = []
        self._numbers = itertools.count()  # threads may be started by several at once

    def start(self) -> None:
        """One more, as the pool asks for it. Where none is to be had and none is there, calls are refused."""
        run: Future[None] = Future()
        try:
            thread = start_thread(lambda: self._run(run), f"ipcbridge-{self._name}-{next(self._numbers)}")
            self._threads.append(thread)
            self._runs.append(run)
        except BaseException as error:
            if self.pool.note_not_started():
                self._refuse_calls(error)
            if not isinstance(error, Exception):  # of a signal handler
                raise
        else:
            _end_at_exit(self)

    def _run(self, run: Future[None]) -> None:
        try:
            with contextlib.suppress(IpcError):  # the end of the interpreter
                self.pool.run_handlers(
                    self._driver, self._pool_id, self._handlers, self._context, self._before, self.start
                )
        finally:
            run.set_result(None)

    def runs(self) -> list[Future[None]]:
        """What ends with each thread that is there."""
        return [run for run in self._runs if not run.done()]

    def _refuse_calls(self, error: BaseException) -> None:
        def refuse(call: _native.InboundCall) -> None:
            self._refuse(call, error)

        refusing: list[Method] = [(server, name, None, refuse) for server, name, _, _ in self._handlers]
        self.pool.refuse_calls(self._driver, refusing)

    def end(self, deadline: float) -> None:
        """Waits until then, in seconds of time.monotonic(), for what runs."""
        self.pool.stop()
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))


_started: WeakSet[HandlerThreads] = WeakSet()
_is_registered: list[bool] = []


def _end_at_exit(threads: HandlerThreads) -> None:
    _started.add(threads)
    if not _is_registered:
        _is_registered.append(True)
        _process.call_at_exit(_end_all)


def _end_all() -> None:
    deadline = time.monotonic() + _process.EXIT_GRACE
    for threads in list(_started):
        threads.end(deadline)


def _forget_parent() -> None:
    _started.clear()
    _is_registered.clear()


_process.call_after_fork(_forget_parent)
