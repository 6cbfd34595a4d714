"""Streams whose items a task makes."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from .. import _native

_HANDLER, _ITEM = 1, 3  # stages, as in service.py
_SLICE = 0.001  # seconds that a plain generator may go on before the loop gets its turn


async def drive(producer: _native.StreamProducer, failed: Callable[[int, BaseException], object]) -> None:
    """Sends what an iterator yields, asynchronous or not, for as long as somebody reads it. Never raises.

    Cancelled when nobody does any more: the iterator then cleans up. `failed(stage, error)` ends the stream.
    """
    loop = asyncio.get_running_loop()
    room = asyncio.Event()
    task = asyncio.current_task(loop)
    iterator = producer.iterator

    def wake(is_over: bool) -> None:
        if not is_over:
            room.set()
        elif task is not None:
            task.cancel()

    is_async = hasattr(iterator, "__anext__")
    # What an asynchronous iterator gives without waiting is sent together when it waits. Nobody knows of another one
    # whether it waits for its next item.
    later = functools.partial(loop.call_soon, producer.flush) if is_async else None
    producer.on_wake(lambda is_over: loop.call_soon_threadsafe(wake, is_over), later)
    try:
        async for item in iterator if is_async else _in_slices(iterator):
            try:
                while (taken := producer.put(item)) is False:
                    await room.wait()
                    room.clear()
            except Exception as error:
                failed(_ITEM, error)
                break
            if taken is None:
                break
            while producer.is_full and producer.room() is False:
                await room.wait()
                room.clear()
    except asyncio.CancelledError:
        if producer.room() is not None:  # not by its consumer: the loop ends
            failed(_HANDLER, asyncio.CancelledError("the stream's task was cancelled"))
    except BaseException as error:
        failed(_HANDLER, error)
    finally:
        await _close(iterator)
        producer.end()


async def next_item(stream: _native.Stream) -> Any:
    """The next item of a stream that arrives on threads, for a handler on the event loop of serve()."""
    await asyncio.get_running_loop().run_in_executor(None, stream.wait)
    return await stream.__anext__()


async def _in_slices(iterator: Iterator[Any]) -> AsyncIterator[Any]:
    end = time.monotonic() + _SLICE
    for item in iterator:
        yield item
        if time.monotonic() >= end:
            await asyncio.sleep(0)
            end = time.monotonic() + _SLICE


async def _close(iterator: Any) -> None:
    try:
        if hasattr(iterator, "aclose"):
            await iterator.aclose()
        elif hasattr(iterator, "close"):
            iterator.close()
    except BaseException as error:
        asyncio.get_running_loop().call_exception_handler(
            {"message": "a stream raised while it was closed", "exception": error}
        )
