"""Streams that arrive on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .. import _native

if TYPE_CHECKING:
    from typing_extensions import Self


_ALL = -1


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

    def read(self, size: int = -1) -> Any:
        """Bytes of a stream of bytes, as asyncio.StreamReader gives them: to be awaited.

        At most `size` of them, as soon as there are any, and b"" at the end; all to its end where it is negative. In a
        handler that is not `async` it blocks, and gives `size` bytes unless the stream ends before.

        Raises IpcError: 'failed_precondition' where an item is no bytes, which ends the stream; and as iterating does.
        """
        if asyncio._get_running_loop() is None:
            return self._read_on_thread(size)
        return self._read_all() if size < 0 else self._read_some(size)

    async def _read_all(self) -> bytes:
        chunks = []
        while chunk := await self._read_some(_ALL):
            chunks.append(chunk)
        return b"".join(chunks)

    async def _read_some(self, most: int) -> bytes:
        while most != 0:
            chunk = self.take_rest(most)
            if chunk is not None:
                return chunk
            try:
                self.keep_rest(await self.__anext__())
            except StopAsyncIteration:
                break
        return b""

    def _read_on_thread(self, size: int) -> bytes:
        chunks = []
        while size != 0:
            chunk = self.take_rest(size)
            if chunk is not None:
                chunks.append(chunk)
                size -= len(chunk) if size > 0 else 0
                continue
            try:
                self.keep_rest(next(self))
            except StopIteration:
                break
        return b"".join(chunks)

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
