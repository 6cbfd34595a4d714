"""What an asyncio server does beside its threads: tasks of its loop, and what its executor runs."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any, cast

from .. import _native
from .._serve.running import Entry, Running
from .._serve.service import Service

Key = tuple[int, int]


class Tasks:
    """Those of one server that have not ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop, service: Service) -> None:
        self._loop = loop
        self._service = service
        # What is awaited after a thread has run may be in several of these.
        self.running = Running(service.refuse)
        self.submitted = Running(service.refuse)  # to the user's executor
        self._coming: dict[Key, _native.InboundCall] = {}  # of threads, to be tasks

    def __len__(self) -> int:
        return len(self.running) + len(self.submitted) + len(self._coming)

    def start(self, call: _native.InboundCall, work: Coroutine[Any, Any, None]) -> None:
        """Has a task await what a plain handler has returned. On a thread, which is done with the call then."""
        key = call.key

        def begin() -> None:
            self.running.add(call, self._loop.create_task(work))
            self._coming.pop(key, None)

        self._coming[key] = call
        if call.cancelled():
            call.cancel()  # to be known when the thread is done with it
        try:
            self._loop.call_soon_threadsafe(begin, context=contextvars.copy_context())
        except RuntimeError as error:  # the loop is closed
            self._coming.pop(key, None)
            work.close()
            self._service.refuse(call, error)

    def cancel(self, key: Key) -> None:
        """Whatever is to answer this call."""
        for entry in (self.running.get(key), self.submitted.get(key)):
            if entry is not None:
                _cancel(entry)
        coming = self._coming.get(key)
        if coming is not None:
            coming.cancel()

    def cancel_all(self) -> None:
        for entry in (*self.running.entries(), *self.submitted.entries()):
            if not entry.call.cancelled():  # or what it awaits to clean up would be cancelled
                _cancel(entry)
        for call in list(self._coming.values()):
            call.cancel()

    def first(self) -> asyncio.Task[None] | None:
        """The task that has been there for longest."""
        entries = self.running.entries()
        return cast("asyncio.Task[None]", entries[0].work) if entries else None


def _cancel(entry: Entry) -> None:
    entry.call.cancel()
    entry.work.cancel()
