"""The event loop on which `async def` handlers of blocking servers run: one a process, on a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Coroutine
from typing import Any, Callable

from . import _process

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None


def start(
    coroutine: Coroutine[Any, Any, None],
    context: contextvars.Context,
    started: Callable[[asyncio.Task[None], asyncio.AbstractEventLoop], None],
) -> None:
    """Runs a coroutine as a task there; `started` is told of the task, on that thread.

    RuntimeError when the thread cannot be started, or the interpreter is exiting.
    """
    loop = _running_loop()

    def begin() -> None:
        task = context.run(loop.create_task, coroutine)
        started(task, loop)

    loop.call_soon_threadsafe(begin)


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop, _thread
    with _lock:
        if _loop is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_run, args=(loop,), name="ipcbridge-async", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # another call may try again
                loop.close()
                raise
            _loop, _thread = loop, thread
            _process.call_at_exit(_stop)
        return _loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=_process.EXIT_GRACE))
    finally:
        loop.close()


def _stop() -> None:
    global _loop
    loop, _loop = _loop, None
    if loop is not None and _thread is not None:
        loop.call_soon_threadsafe(loop.stop)
        _thread.join(2 * _process.EXIT_GRACE)


def _forget_parent() -> None:
    global _loop, _thread, _lock
    _lock = threading.Lock()
    _loop = _thread = None


_process.call_after_fork(_forget_parent)
