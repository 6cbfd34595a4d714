"""What connect() and serve() return: to be awaited, or entered."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from .._tracebacks import leave_one_frame
from ._unawaited import refuses_use


class _Entered(Protocol):
    async def __aexit__(self, *raised: object) -> None: ...


_T = TypeVar("_T", bound=_Entered)


@refuses_use(
    "await it first, as in `calc = await aio.connect('calc')`, or write `async with aio.connect('calc') as calc`"
)
class Opening(Coroutine[Any, Any, _T], Generic[_T]):
    """A coroutine, and an asynchronous context manager: `async with aio.connect(...) as calc` as in other libraries."""

    def __init__(self, coroutine: Coroutine[Any, Any, _T]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, _T]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        return self._coroutine.send(value)

    def throw(self, *raised: Any) -> Any:
        return self._coroutine.throw(*raised)

    def close(self) -> None:
        self._coroutine.close()

    async def __aenter__(self) -> _T:
        try:
            self._opened = await self._coroutine
            return self._opened
        except BaseException as error:
            leave_one_frame(error)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._opened.__aexit__(kind, error, traceback)
