"""Tasks that have begun when they are made."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    Starter = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


def task_starter(loop: asyncio.AbstractEventLoop) -> Starter:
    """A function like loop.create_task(), whose task has run until it first waits where the loop lets us.

    For the loop's own callbacks, not for tasks. A task of `eager_start` is another kind, which Python has since 3.12
    only: its first step is not the loop's.
    """
    ready = getattr(loop, "_ready", None)
    if type(ready) is not deque:  # not one of asyncio's
        return loop.create_task

    def start(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = loop.create_task(coroutine)
        if loop.get_task_factory() is None:
            ready.pop()._run()  # what making the task has just put there
        return task

    return start
