"""Streams whose items a task makes, or reads while threads receive them."""

from __future__ import annotations

import asyncio
import functools
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

from .. import _native
from .._errors import IpcError
from .._process.threads import start_thread

_HANDLER, _ITEM = 1, 3  # stages, as in service.py
_Wait = tuple[_native.Stream, "Future[BaseException | None]"]
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
        nonlocal task
        if not is_over:
            room.set()
        elif task is not None:
            task.cancel()
            task = None  # what it cleans up is not to be cancelled, too

    is_async = hasattr(iterator, "__anext__")
    # What an asynchronous iterator gives without waiting is sent together when it waits. Nobody knows of another one
    # whether it waits for its next item.
    later = functools.partial(loop.call_soon, producer.flush) if is_async else None
    producer.on_wake(lambda is_over: loop.call_soon_threadsafe(wake, is_over), later)
    if producer.room() is None:  # it is over since before there was anybody to wake
        await _close(iterator)
        producer.end()
        return
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
    """The next item of a stream that arrives on threads, for a task of any event loop. No thread waits for it."""
    loop = asyncio.get_running_loop()
    arrivals = _arrivals.get(loop)
    if arrivals is None:
        arrivals = _arrivals[loop] = _Arrivals(loop)
    await arrivals.wait_for(stream)
    return await stream.__anext__()


async def next_item_beside_call(stream: _native.Stream) -> Any:
    """The same of a result whose call is not over, such as of one with a generator among its arguments.

    A thread waits, because what the call asks of this side runs on the thread that waits.
    """
    beside = stream.beside
    if beside is None:
        beside = stream.beside = _Beside()
    await beside.wait_for(stream)
    return await stream.__anext__()


class _Beside:
    """Waits for the items of one stream, on a thread of its own: for one task, and then for the one that comes next."""

    def __init__(self) -> None:
        self._wanted: SimpleQueue[_Wait | None] = SimpleQueue()
        self._waited: Future[BaseException | None] | None = None
        self._is_awaited = False
        wanted = self._wanted  # the thread keeps neither this nor the stream while nobody waits
        start_thread(lambda: _wait_for_each(wanted), "ipcbridge-stream")

    def __del__(self) -> None:
        self._wanted.put(None)

    async def wait_for(self, stream: _native.Stream) -> None:
        """Until there is an item, or the end. What a task that is cancelled has waited for is for the next one."""
        if self._is_awaited:
            raise IpcError("failed_precondition", "another task waits for this stream's next item")
        waited = self._waited
        if waited is None:
            waited = self._waited = Future()
            waited.set_running_or_notify_cancel()  # so that a task that is cancelled does not cancel it
            stream.is_waited_for = True
            self._wanted.put((stream, waited))
        self._is_awaited = True
        try:
            error = await asyncio.wrap_future(waited)
        finally:
            self._is_awaited = False
        self._waited = None
        stream.is_waited_for = False
        if error is not None:
            raise error


def _wait_for_each(wanted: SimpleQueue[_Wait | None]) -> None:
    while (wait := wanted.get()) is not None:
        stream, waited = wait
        error = None
        try:
            stream.wait()
        except BaseException as raised:
            error = raised
        del wait, stream
        waited.set_result(error)
        del waited, error


class _Arrivals:
    """Wakes the tasks of one loop when there are items of the streams that they wait for. Only on its thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._native = _native.StreamArrivals()
        self._waiting: dict[tuple[int, int], asyncio.Future[None]] = {}
        loop.add_reader(self._native.fileno(), self._wake)

    def _wake(self) -> None:
        for key in self._native.take():
            arrived = self._waiting.pop(key, None)
            if arrived is not None and not arrived.done():
                arrived.set_result(None)

    async def wait_for(self, stream: _native.Stream) -> None:
        """Until there is an item, or the end. Raises IpcError when that takes longer than it may."""
        while (key := stream.expect(self._native)) is not None:
            before = self._waiting.get(key)
            if before is not None and not before.done():
                raise IpcError("failed_precondition", "another task waits for this stream's next item")
            arrived = self._waiting[key] = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(arrived, stream.patience())
            except asyncio.TimeoutError:
                stream.expire()
            finally:
                if self._waiting.get(key) is arrived:
                    del self._waiting[key]
                    stream.stop_expecting()


_arrivals: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Arrivals] = weakref.WeakKeyDictionary()


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
