"""A remote call that runs: a future, and all that asyncio wants of a coroutine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Union

from .._client.outcome import error_of
from .._errors import IpcError
from ._drivers import abandon
from ._stream import Stream
from ._unawaited import refuses_use

_Raised = Union[type[BaseException], BaseException]


if TYPE_CHECKING:

    class _Future(asyncio.Future[Any], Coroutine[Any, Any, Any]):
        """At run time any class with the methods of a Coroutine is one; type checkers want it said."""

else:
    _Future = asyncio.Future


@refuses_use(
    "this is a call, and no result before it is awaited: write `await calc.method()`; `async for` reads a stream"
)
class Call(_Future):
    """A call that has been sent. Await it, or give it to create_task, gather, wait_for, a TaskGroup.

    Cancelling it, also by cancelling the task that awaits it, cancels the handler at the other end.
    """

    _steps: Iterator[Any] | None = None

    def fail(self, code: str, message: str, details: bytes, ending: int) -> None:
        if not self.done():
            self.set_exception(error_of(code, message, details, ending))

    def cancel(self, msg: Any = None) -> bool:
        if self.done():
            return False
        abandon(self)
        return super().cancel(msg)

    def send(self, value: Any) -> Any:
        if self._steps is None:
            self._steps = iter(self.__await__())
        return next(self._steps)

    def throw(self, kind: _Raised, value: object = None, traceback: TracebackType | None = None) -> Any:
        self.cancel()
        error = value if isinstance(value, BaseException) else (kind() if isinstance(kind, type) else kind)
        raise error.with_traceback(traceback or error.__traceback__)

    def close(self) -> None:
        self.cancel()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[Any]:
        stream = await self
        if not isinstance(stream, Stream):
            raise IpcError("failed_precondition", "the method returned a value and no stream: await the call instead")
        async with stream:
            async for item in stream:
                yield item
