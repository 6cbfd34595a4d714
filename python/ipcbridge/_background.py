"""The event loop on which `async def` handlers of blocking servers run: one a process, on a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from . import _process
from ._threads import OnceThread


class _Background(NamedTuple):
    loop: asyncio.AbstractEventLoop
    thread: OnceThread


_current: dict[str, _Background] = {}


def start(
    coroutine: Coroutine[Any, Any, None],
    context: contextvars.Context,
    started: Callable[[asyncio.Task[None], asyncio.AbstractEventLoop], None],
) -> None:
    """Runs a coroutine as a task there; `started` is told of the task, on that thread.

    Raises IpcError when the thread cannot be started.
    """
    loop = _running_loop()

    def begin() -> None:
        task = context.run(loop.create_task, coroutine)
        started(task, loop)

    loop.call_soon_threadsafe(begin)


def _running_loop() -> asyncio.AbstractEventLoop:
    background = _current.get("background")
    if background is None:
        loop = asyncio.new_event_loop()
        made = _Background(loop, OnceThread(lambda: _run(loop), "ipcbridge-async"))
        background = _current.setdefault("background", made)
        if background is made:
            _process.call_at_exit(_stop)
        else:
            loop.close()
    background.thread.start()
    return background.loop


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
    background = _current.pop("background", None)
    if background is not None and background.thread.is_started():
        background.loop.call_soon_threadsafe(background.loop.stop)
        background.thread.join(2 * _process.EXIT_GRACE)


_process.call_after_fork(_current.clear)
