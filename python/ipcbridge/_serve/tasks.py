"""Tasks of `async def` handlers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

from .. import _native
from .service import Service

Track = Callable[[_native.InboundCall, "asyncio.Task[None]"], object]

_CO_COROUTINE = 0x80  # inspect.CO_COROUTINE, without what inspect imports


def task_starter(
    loop: asyncio.AbstractEventLoop, service: Service, number: int, track: Track
) -> Callable[[_native.InboundCall], object]:
    """What begins a call of an `async def` method, on its loop: as a task, which has run until it first waits.

    For the loop's own callbacks, not for tasks. `track` is told of a task that has not ended then.
    """
    handler = service.handlers[number]
    failed = service.failed_in_task(number, lambda _call, work: loop.create_task(work))
    name = f"{service.name}.{service.names[number]}"
    function = _coroutine_function(handler)
    starter = _native.TaskStarter(loop, asyncio.Task, _is_known(loop), name, function, failed, track)
    return _generator_starter(starter, service, number) if service.makes_generators[number] else starter


def _generator_starter(
    starter: _native.TaskStarter, service: Service, number: int
) -> Callable[[_native.InboundCall], object]:
    """The same of a method that is an async generator, which runs none of its code before its first item is wanted."""
    handler = service.handlers[number]
    failed = service.failed_in_task(number, lambda _call, work: starter.begin(work))
    return lambda call: call.answer_with(handler, failed)


def _is_known(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the loop makes tasks as asyncio does, with its Task and its own call_soon(), which it need not notice."""
    uvloop = sys.modules.get("uvloop")
    bases = (asyncio.BaseEventLoop, *([] if uvloop is None else [getattr(uvloop, "Loop", asyncio.BaseEventLoop)]))
    kind, own = type(loop), getattr(loop, "__dict__", None)
    return (
        any(
            issubclass(kind, base) and kind.create_task is base.create_task and kind.call_soon is base.call_soon
            for base in bases
        )
        and own is not None
        and not {"create_task", "call_soon"} & own.keys()
        and not loop.get_debug()
    )


def _coroutine_function(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler, if calling it runs none of its code, else one that runs all of it in the task."""
    function = handler.__func__ if type(handler) is MethodType else handler
    if type(function) is FunctionType and function.__code__.co_flags & _CO_COROUTINE:
        return handler

    async def handle(*args: Any, **kwargs: Any) -> Any:
        return await handler(*args, **kwargs)

    return handle
