"""Methods of an asyncio client that has middleware."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from .._client.middleware import MakeCaller, MiddlewareCaller
from .._middleware import Middleware, awaitable, compose, is_awaitable
from .._options import CallOptions
from .._tracebacks import leave_out_the_library
from ._call import Call


class LoopMiddlewareCaller(MiddlewareCaller):
    """Its calls are what others are; where a middleware is `async`, a task runs it."""

    def __init__(
        self,
        service: str,
        name: str,
        options: CallOptions,
        make: MakeCaller,
        middleware: Sequence[Middleware],
        guard: Callable[[], asyncio.AbstractEventLoop],
    ) -> None:
        super().__init__(service, name, options, make)
        self._guard = guard
        self._begin(compose(middleware, self._plain, awaitable), False, self._plain, Call)

    def ended(self, result: Any) -> Call:
        if isinstance(result, Call):
            return result
        loop = self._guard()
        if is_awaitable(result):
            return _Chained(result, loop)
        call = Call(loop=loop)
        call.set_result(result)
        return call

    def failed(self, error: BaseException) -> Call | None:
        if not isinstance(error, Exception):
            return None
        leave_out_the_library(error)
        call = Call(loop=self._guard())
        call.set_exception(error)
        return call


async def _result_of(awaitable: Any) -> Any:
    try:
        return await awaitable
    except BaseException as error:
        leave_out_the_library(error)
        raise


class _Chained(Call):
    """A call whose middleware runs as a task."""

    def __init__(self, awaitable: Any, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._task = loop.create_task(_result_of(awaitable))
        self._task.add_done_callback(self._end)

    def cancel(self, msg: Any = None) -> bool:
        if self.done():
            return False
        self._task.cancel()
        return super().cancel(msg)

    def _end(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            super().cancel()
        elif (error := task.exception()) is not None:
            if not self.done():
                self.set_exception(error)
        elif not self.done():
            self.set_result(task.result())
