"""The event loop on which `async def` handlers of blocking servers run: one a process, on a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import selectors
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _native
from .._errors import IpcError
from .._process import process as _process
from .._process.threads import Latch, OnceThread, refuse_replaced_select
from .service import Method

if TYPE_CHECKING:
    _EpollSelector = selectors.EpollSelector
else:  # which gevent and eventlet take away
    _EpollSelector = getattr(selectors, "EpollSelector", selectors.SelectSelector)


class _Selector(_EpollSelector):
    """Waits for calls in the same place as for what else the loop watches, and runs their handlers there."""

    worker: _native.LoopWorker | None = None

    def __init__(self, scheduled: Callable[[], list[Any]]) -> None:
        super().__init__()
        self._scheduled = scheduled

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.worker is None:
            return super().select(timeout)
        if self.worker.wait(timeout, self._scheduled()) or timeout == 0:
            return super().select(0)
        return []


class HandlerLoop(asyncio.SelectorEventLoop):
    """An event loop that reads calls while it waits."""

    def __init__(self) -> None:
        try:
            # Not the list as it is now: the loop makes a new one when many timers were cancelled.
            self._calls = _Selector(lambda: self._scheduled)  # type: ignore[attr-defined]
            super().__init__(self._calls)
        except OSError as error:
            self._closed = True  # or its finaliser would close what it does not have
            raise IpcError("resource_exhausted", f"cannot make an event loop for async handlers: {error}") from None

    def wait_for_calls(self, driver: _native.BlockingDriver) -> _native.LoopWorker:
        """From now on; on the loop's thread."""
        if self._calls.worker is None:
            ready = self._ready  # type: ignore[attr-defined]
            self._calls.worker = _native.LoopWorker(driver, self._calls.fileno(), ready)
        return self._calls.worker

    def remove_server(self, server: int) -> None:
        if self._calls.worker is not None:
            self._calls.worker.remove_server(server)

    def stop_waiting_for_calls(self) -> None:
        worker, self._calls.worker = self._calls.worker, None
        if worker is not None:
            worker.close()


class _Background(NamedTuple):
    loop: HandlerLoop
    thread: OnceThread


_current: dict[str, _Background] = {}


def start(
    coroutine: Coroutine[Any, Any, None],
    context: contextvars.Context,
    started: Callable[[asyncio.Task[None]], None],
) -> None:
    """Runs a coroutine as a task there; `started` is told of the task, on that thread.

    Raises IpcError when the thread cannot be started.
    """
    loop = _running().loop

    def begin() -> None:
        task = context.run(loop.create_task, coroutine)
        started(task)

    if running_here() is loop:  # what a handler's call has asked of it begins before the handler goes on
        begin()
    else:
        loop.call_soon_threadsafe(begin)


def add_server(server: int, make_handlers: Callable[[HandlerLoop], list[Method]]) -> None:
    """The loop's thread reads and starts the calls of this server's async methods itself.

    Raises IpcError when the thread cannot be started, or has no descriptors.
    """
    loop, done, faults = _running().loop, Latch(), list[Exception]()

    def add() -> None:
        try:
            loop.wait_for_calls(_process.current().driver).add_server(server, make_handlers(loop))
        except Exception as error:
            faults.append(error)
        done.set()

    loop.call_soon_threadsafe(add)
    done.wait()
    for fault in faults:
        raise fault


def remove_server(server: int) -> None:
    background = _current.get("background")
    if background is not None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            background.loop.call_soon_threadsafe(background.loop.remove_server, server)


def wait_for(tasks: Callable[[], list[asyncio.Task[None]]], timeout: float) -> None:
    """Blocks until those tasks have ended, which are asked for on the loop, or for so many seconds.

    Not on the loop's own thread, where it does nothing.
    """
    background = _current.get("background")
    if background is None or not background.thread.is_started() or running_here() is not None:
        return
    loop, ended = background.loop, Latch()

    def begin() -> None:
        left = set(tasks())

        def forget(task: asyncio.Task[None]) -> None:
            left.discard(task)
            if not left:
                ended.set()

        for task in list(left):
            task.add_done_callback(forget)
        if not left:
            ended.set()

    with contextlib.suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(begin)
        ended.wait(timeout)


def running_here() -> HandlerLoop | None:
    """The loop, to code that runs on its thread."""
    loop = asyncio._get_running_loop()
    return loop if isinstance(loop, HandlerLoop) else None


def _running() -> _Background:
    background = _current.get("background")
    if background is None:
        if not hasattr(_Selector, "fileno"):
            refuse_replaced_select()
        loop = HandlerLoop()
        made = _Background(loop, OnceThread(lambda: _run(loop), "ipcbridge-async"))
        background = _current.setdefault("background", made)
        if background is made:
            _process.call_before_driver_ends(_stop)
        else:
            loop.close()
    background.thread.start()
    return background


def _run(loop: HandlerLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.stop_waiting_for_calls()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=_process.EXIT_GRACE))
    finally:
        loop.close()


def _stop() -> None:
    background = _current.pop("background", None)
    if background is not None and background.thread.is_started():
        background.loop.call_soon_threadsafe(background.loop.stop)
        background.thread.join(2 * _process.EXIT_GRACE)


_process.call_after_fork(_current.clear)
