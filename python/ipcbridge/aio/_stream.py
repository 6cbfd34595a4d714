"""Streams that arrive on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .. import _native

if TYPE_CHECKING:
    from typing_extensions import Self


async def next_item(stream: _native.LoopStream) -> Any:
    """The next item, which is taken only when the task goes on: one that is cancelled leaves it for the next reader."""
    arrived = stream.arrival()
    if arrived is not None:
        await _within(stream.patience(), stream, arrived)
    return await stream.__anext__()


async def _within(seconds: float | None, stream: _native.LoopStream, arrived: Awaitable[None]) -> None:
    if seconds is None:
        await arrived
        return
    timer = asyncio.get_running_loop().call_later(max(0.0, seconds), stream.expire)
    try:
        await arrived
    finally:
        timer.cancel()


class Stream(_native.LoopStream):
    """What the other side sends item by item: `async for item in stream`, once. Only on its loop's thread.

    Leaving the loop early does not end it, since it may be gone on with: close() does, `async with`, or dropping it.
    Whatever makes the items is then ended.
    """

    async def to_list(self) -> list[Any]:
        """All items that are still to come."""
        return [item async for item in self]

    async def aclose(self) -> None:
        """close(), for contextlib.aclosing()."""
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
