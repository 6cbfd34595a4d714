"""What runs for the calls of a server beside its own threads: tasks of an event loop, and what its executor runs."""

from __future__ import annotations

import contextvars
from _collections_abc import Callable

from .. import _native
from .._typing import TYPE_CHECKING, Any
from .failures import CANCELLED
from .service import Method, Service, fail

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Executor, Future
    from typing import Union

    from .service import StartTask

    Key = tuple[int, int]
    Work = Union["asyncio.Task[None]", "Future[object]"]
    Refuse = Callable[[_native.InboundCall, BaseException], object]
    Track = Callable[[_native.InboundCall, "Future[object]"], object]
    Begin = Callable[[_native.InboundCall], object]


class Entry:
    """A call that is being handled, and what is cancelled when its caller gives up."""

    __slots__ = ("call", "work")

    def __init__(self, call: _native.InboundCall, work: Work) -> None:
        self.call = call
        self.work = work


class Running:
    """Those of one server that have not ended."""

    def __init__(self, refuse: Refuse) -> None:
        self._refuse = refuse
        self._entries: dict[Key, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, call: _native.InboundCall, work: Work) -> None:
        """Until it has ended. It is cancelled at once if its caller has given up already."""
        key = call.key

        def forget(work: Any) -> None:
            self._entries.pop(key, None)
            answer_for(call, work, self._refuse)

        self._entries[key] = Entry(call, work)
        work.add_done_callback(forget)
        if call.cancelled():
            work.cancel()

    def get(self, key: Key) -> Entry | None:
        return self._entries.get(key)

    def entries(self) -> list[Entry]:
        return list(self._entries.values())


class Submitter:
    """Has a server's executor run calls. `track` is told of each, and of what it became there."""

    def __init__(self, executor: Executor, refuse: Refuse, track: Track) -> None:
        self._executor = executor
        self._refuse = refuse
        self._track = track

    def begins(self, run: Begin) -> Begin:
        """What has a call run there, in a copy of the current context."""

        def submit(call: _native.InboundCall) -> None:
            try:
                work = self._executor.submit(contextvars.copy_context().run, run, call)
            except Exception as error:  # it has been shut down, say
                self._refuse(call, error)
            else:
                self._track(call, work)

        return submit


def plain_method(
    server: object, service: Service, number: int, start_task: StartTask, submitter: Submitter | None
) -> Method:
    """Where a call of a plain method begins: on the thread that has read it, or on the executor's."""
    name, handler = service.names[number], service.handlers[number]
    finish = service.finisher(number, start_task)
    if submitter is None:
        return server, name, handler, finish
    return server, name, None, submitter.begins(lambda call: call.answer_with(handler, finish))


def answer_for(call: _native.InboundCall, work: Work, refuse: Refuse) -> None:
    """Answers a call for what has ended and could not do so itself. What a handler raises has been answered."""
    if work.cancelled():  # before it began
        fail(call, CANCELLED)
    elif (error := work.exception()) is not None:
        refuse(call, error)
