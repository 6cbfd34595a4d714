"""What a blocking server has the event loop of the process do: the calls of its `async def` methods, as tasks."""

from __future__ import annotations

import contextvars
import sys
from _collections_abc import Coroutine

from .. import _native
from .._errors import IpcError
from .._suppress import suppress
from .._typing import TYPE_CHECKING, Any
from .running import Running
from .service import Method, Service

if TYPE_CHECKING:
    import asyncio

    from .background import HandlerLoop

    Key = tuple[int, int]


class LoopTasks:
    """Those of one server that have not ended. Any thread."""

    def __init__(self, service: Service) -> None:
        _import_rest(any(service.is_async))
        self._service = service
        self._running = Running(service.refuse)

    def __len__(self) -> int:
        return len(self._running)

    def serve(self, driver: _native.BlockingDriver, server: int, methods: list[Method]) -> None:
        """The loop reads the calls of async methods itself, and asks nobody for the others."""
        is_async = self._service.is_async
        if not any(is_async):
            return
        from . import background as _background

        def starters(loop: HandlerLoop) -> list[Method]:
            return [self._starter(method, number, loop) for number, method in enumerate(methods)]

        _background.add_server(server, starters)
        driver.set_loop_methods(server, is_async)

    def end_serving(self, server: int) -> None:
        if any(self._service.is_async):
            from . import background as _background

            _background.remove_server(server)

    def _starter(self, method: Method, number: int, loop: HandlerLoop) -> Method:
        """Where the loop begins a call of this method."""
        if not self._service.is_async[number]:  # what the loop is not asked for
            return method
        from .tasks import task_starter

        server, name, _, _ = method
        return server, name, None, task_starter(loop, self._service, number, self._running.add)

    def start(self, call: _native.InboundCall, work: Coroutine[Any, Any, None]) -> None:
        """Has a task await what a plain handler has returned."""

        def started(task: asyncio.Task[None]) -> None:
            self._running.add(call, task)

        try:
            from . import background as _background

            _background.start(work, contextvars.copy_context(), started)
        except Exception as error:  # no thread can be started, or there are no descriptors left for its loop
            work.close()
            self._service.refuse(call, error)

    def cancel(self, key: Key) -> None:
        """The task that answers this call, if there is one."""
        entry: Any = self._running.get(key)
        if entry is not None:
            with suppress(RuntimeError):  # the loop has just been closed
                entry.work.get_loop().call_soon_threadsafe(entry.work.cancel)

    def wait(self, timeout: float) -> None:
        """Until all have ended, or for so many seconds."""
        background = sys.modules.get("ipcbridge._serve.background")
        if background is not None:
            background.wait_for(lambda: [entry.work for entry in self._running.entries()], timeout)


def _import_rest(is_async: bool) -> None:
    """Not when it is needed first: whoever imports has a lock that a finaliser may want, and needs a descriptor."""
    try:
        from . import endings  # noqa: F401

        if is_async:
            from . import background, tasks  # noqa: F401
    except OSError as error:
        raise IpcError("resource_exhausted", f"cannot load what handlers need: {error}") from None
