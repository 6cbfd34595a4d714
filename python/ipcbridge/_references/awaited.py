"""What calls ask of an event loop whose tasks await them: their generators, and their functions, run there."""

from __future__ import annotations

import asyncio
import contextlib
from weakref import WeakKeyDictionary

from .. import _native
from .._client.outcome import stream_failed
from .._client.submitted import Future
from .._serve.background import HandlerLoop
from .._serve.streams import drive
from .._typing import Any

_streams = set[asyncio.Future[None]]()  # which their loop would not keep
_works: WeakKeyDictionary[asyncio.AbstractEventLoop, _native.AwaitedWork] = WeakKeyDictionary()


def start_stream(producer: _native.StreamProducer) -> None:
    """Has a task of the running loop make the items of a stream among a call's arguments."""
    task = asyncio.ensure_future(drive(producer, lambda stage, error: stream_failed(None, stage, error, producer)))
    _streams.add(task)
    task.add_done_callback(_streams.discard)


def run_on(loop: HandlerLoop, driver: _native.BlockingDriver) -> None:
    """From now on the loop does what the submitted calls of its tasks ask. On its thread.

    Raises IpcError when there is no descriptor to be had.
    """
    if loop in _works:
        return
    work = _native.AwaitedWork(start_stream)
    loop.add_reader(work.fileno(), work.run)
    driver.use_awaited_work(work)
    _works[loop] = work


def future_of(call: Future, loop: HandlerLoop) -> asyncio.Future[Any]:
    """A submitted call, to be awaited. What it has asked before its answer has begun when that is there."""
    if not call._has_arguments:
        return asyncio.wrap_future(call, loop=loop)
    future: asyncio.Future[Any] = loop.create_future()

    def end() -> None:
        call._end_arguments()
        if future.done():
            return
        error = None if call.cancelled() else call.exception()
        if call.cancelled():
            future.cancel()
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(call.result())

    def end_on_loop(_call: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(end)

    def cancel_call(_future: object) -> None:
        if future.cancelled():
            call.cancel()

    future.add_done_callback(cancel_call)
    call.add_done_callback(end_on_loop)
    return future
