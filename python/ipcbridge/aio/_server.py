"""The asyncio server: `async def` handlers as tasks of the loop, others on threads."""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from .. import _native
from .._errors import Code, error_from_code
from .._options import Seconds, microseconds
from .._process import local_loops as _local_loops
from .._process.listeners import Listeners, StateListener
from .._process.ownership import keep_result
from .._process.threads import Latch
from .._serve.cancellation import Waiters
from .._serve.context import is_in_handler_of
from .._serve.decimal_context import decimal_context_setter
from .._serve.grace import Grace
from .._serve.running import Submitter, plain_method
from .._serve.service import Method, Service
from .._serve.tasks import task_starter
from .._suppress import suppress
from ._endings import closed_or_terminated
from ._loop import LoopDriver
from ._tasks import Key, Tasks
from ._threads import HandlerThreads

if TYPE_CHECKING:
    from typing_extensions import Self

_LOOK_AGAIN = 0.1  # seconds, after which the loop may have been closed

_CLOSED: dict[str, Any] = {
    "state": "closed",
    "address": "",
    "path": "",
    "connections": 0,
    "shm_connections": 0,
    "running_calls": 0,
    "pending_calls": 0,
    "open_streams": 0,
    "stalled_streams": None,
    "awaited_streams": 0,
}


class Server:
    """A service on one event loop. Made by aio.serve(); only on that loop's thread."""

    def __init__(
        self,
        driver: LoopDriver,
        loop: asyncio.AbstractEventLoop,
        service: Service,
        threads: int,
        executor: Executor | None,
    ) -> None:
        self.name = service.name
        self._driver = driver
        self._loop = loop
        self._service = service
        self._thread_count = threads
        self._path: str | None = None
        self._id = 0
        self._tasks = Tasks(loop, service)
        submitted = self._tasks.submitted.add
        self._submitter = None if executor is None else Submitter(executor, service.refuse, submitted)
        self.waiters = Waiters()
        self._listening: asyncio.Future[None] = loop.create_future()
        self._closed = asyncio.Event()
        self._grace = Grace()
        self._threads: HandlerThreads | None = None
        self._finished = asyncio.Event()  # also those handlers whose callers have gone
        self._is_on_main_thread = threading.current_thread() is threading.main_thread()
        self._ended = Latch()  # the same, for other threads
        self._listeners = Listeners()

    async def close(self, grace: Seconds = 10) -> None:
        """Accepts no more calls, lets those that run finish for `grace` seconds, then cancels them.

        Those whose callers have gone, and which clean up, have as long. A handler of this server, which would wait for
        itself, does not wait: the server closes after it has returned.
        """
        if not self._driver.native.usable():
            return
        self._driver.check_here()
        self._close_within(microseconds(grace, "grace"))
        if not is_in_handler_of(self):
            await self._finished.wait()

    def __reduce__(self) -> Any:
        raise TypeError("a server cannot be pickled or copied: serve where it is needed")

    def _close_within(self, grace_us: int) -> None:
        self._grace.begin(grace_us)
        self._driver.native.close_server(self._id, grace_us)

    async def wait(self) -> None:
        """Waits until the server is closed, by close() or because another one has taken its name over.

        On the main thread SIGTERM, unless the program handles it, raises SystemExit(143) here: an `async with` block
        around it then closes the server.
        """
        self._driver.native.check_process()
        self._driver.check_here()
        await closed_or_terminated(self._loop, self._closed)

    def begin_close(self, grace_us: int) -> None:
        """For close_on_signals(), as what follows: on any thread."""

        def begin() -> None:
            if self._driver.native.usable():
                self._close_within(grace_us)

        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(begin)

    def wait_closed(self) -> None:
        while not self._ended.wait(_LOOK_AGAIN) and not self._loop.is_closed():
            pass

    def is_closed(self) -> bool:
        return self._ended.is_set() or self._loop.is_closed()

    def main_loop(self) -> asyncio.AbstractEventLoop | None:
        return self._loop if self._is_on_main_thread else None

    def status(self) -> dict[str, Any]:
        """State, address, path, connections, running_calls, and more: see ipcbridge.status()."""
        native = self._driver.native
        native.check_process()
        # The event loop may be closed, and with it what would tell of a server that has ended before.
        return self._service.placed(native.server_status(self._id) if native.usable() else dict(_CLOSED))

    @property
    def peers(self) -> list[Any]:
        """What Server.peers of the blocking API is, to be awaited."""
        self._driver.native.check_process()
        peers: list[Any] = self._driver.calls.peers.of_server(self._id)
        return peers

    def listen(self, listener: StateListener) -> Callable[[], None]:
        """What on_state() does."""
        self._driver.native.check_process()
        return self._listeners.add(listener)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<ipcbridge server {self.name}>"

    async def start(self, arguments: dict[str, Any]) -> None:
        ids: list[int] = []
        try:
            keep_result(ids, self._driver.native.serve, arguments)
            self._id = ids[0]
            self._driver.servers[self._id] = self
            self._add_handlers()
            await self._listening
            self._path = _native.socket_path(arguments["address"])
            _local_loops.add(self._loop, self._path)
        except BaseException:
            for server_id in ids:
                if self._driver.native.usable():
                    self._driver.native.close_server(server_id, 0)
            raise

    def _add_handlers(self) -> None:
        # A call arrives in the context of whoever made the loop look for it, which is not the handlers' business.
        context = contextvars.copy_context()
        handlers = [self._handler(number) for number in range(len(self._service.names))]
        before = decimal_context_setter(context)
        native = self._driver.native
        plain = [handler is not None for _, _, handler, _ in handlers]
        pool = native.use_threads(self._id, self._thread_count, plain)
        threads = HandlerThreads(
            native, self.name, self._thread_count, pool, handlers, context, before, self._service.refuse
        )
        native.add_server(self._id, handlers, context, before, threads.pool, threads.start)
        self._threads = threads

    def on_state(self, state: str, code: Code, message: str) -> None:
        if state == "listening" and not self._listening.done():
            self._listening.set_result(None)
        if state != "closed":
            self.status()  # for its place
        else:
            self._end(code, message)
        self._listeners.tell(state, code, message)

    def _end(self, code: Code, message: str) -> None:
        if not self._listening.done():
            self._listening.set_exception(error_from_code(code, message))
        self._driver.servers.pop(self._id, None)
        if self._path is not None:
            _local_loops.remove(self._loop, self._path)
            self._path = None
        if self._driver.native.usable():
            self._driver.native.remove_server(self._id)
            self._driver.native.close_streams(self._id)
        self._tasks.cancel_all()
        self._service.close()
        self._closed.set()
        self._finish_by(self._grace.deadline())

    def _finish_by(self, deadline: float) -> None:
        """Waits for handlers whose callers have gone. No task, of which the end of the loop would complain."""
        if self._handler_that_runs() is None:
            self._note_finished()
            return
        left = deadline - time.monotonic()
        timer = None if left == math.inf else self._loop.call_later(left, self._note_finished)

        def look(_: object = None) -> None:
            work = self._handler_that_runs()
            if work is not None:
                work.add_done_callback(look)
                return
            if timer is not None:
                timer.cancel()
            self._note_finished()

        look()

    def _handler_that_runs(self) -> asyncio.Future[None] | None:
        task = self._tasks.first()
        if task is not None:
            return task
        runs = [] if self._threads is None else self._threads.runs()
        return asyncio.wrap_future(runs[0], loop=self._loop) if runs else None

    def _note_finished(self) -> None:
        self._finished.set()
        self._ended.set()

    def _handler(self, number: int) -> Method:
        """Where a call of this method begins: on the loop, or a plain one without an executor on one of the threads."""
        service = self._service
        if service.is_async[number]:
            starter = task_starter(self._loop, service, number, self._tasks.running.add)
            return self, service.names[number], None, starter
        return plain_method(self, service, number, self._tasks.start, self._submitter)

    def stop(self) -> None:
        """From a finaliser, too: waits for nobody."""
        self._driver.close_server(self._id)

    def on_cancel(self, key: Key) -> None:
        self.waiters.tell(key)
        self._tasks.cancel(key)
