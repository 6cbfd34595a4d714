"""The blocking server: handlers on threads."""

from __future__ import annotations

import _thread
import time
from _collections_abc import Callable

from .. import _native
from .._errors import IpcError
from .._options import Seconds, microseconds
from .._process import log as _log
from .._process import process as _process
from .._process.listeners import Listeners, StateListener
from .._process.ownership import keep_result
from .._process.threads import Latch
from .._suppress import suppress
from .._typing import TYPE_CHECKING, Any
from .cancellation import Waiters
from .context import is_in_handler_of
from .grace import LAST_WAIT, Grace
from .loop_tasks import LoopTasks
from .running import Submitter, answer_for, plain_method
from .service import Method, Service
from .workers import Workers

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from typing_extensions import Self


_SHORT_WAITS, _SHORT_WAIT = 20, 0.05  # seconds
_LONGEST_WAIT = 1e9  # seconds that Python can wait


class Server:
    """A service that this process offers. Made by serve(); any thread may use it.

    It serves until close(), until the end of its `with` block, or until the main thread and all other
    non-daemon threads have ended: then running handlers have two seconds to finish.
    """

    def __init__(self, process: _process.Process, service: Service, threads: int, executor: Executor | None) -> None:
        self.name = service.name
        self._process = process
        self._driver = process.driver
        self._service = service
        self._thread_count = threads
        self._executor = executor
        self._id = 0
        self._started = False
        self._closed = Latch()
        self._grace = Grace()
        self._epoch = 0
        self._left_by: int | None = None
        self._is_run_over: Latch | None = None
        self._listeners = Listeners()
        self.waiters = Waiters()
        self._tasks = LoopTasks(service)
        self._submitter = None if executor is None else Submitter(executor, service.refuse, self._answer_when_done)
        self._handlers = [self._handler(number) for number in range(len(service.names))]
        self._workers = Workers(self._driver, self.name, self._handlers)

    def __reduce__(self) -> Any:
        raise TypeError("a server cannot be pickled or copied: serve where it is needed")

    def close(self, grace: Seconds = 10) -> None:
        """Accepts no more calls, lets those that run finish for `grace` seconds, then cancels them.

        Those whose callers have gone, and which clean up, have as long. Ctrl-C ends the wait. Handlers that do not look
        at context().cancelled() may outlive it. A handler of this server, which would wait for itself, does not wait:
        the server closes after it has returned.
        """
        self._close_within(microseconds(grace, "grace"))
        if is_in_handler_of(self):
            return
        if self._left_by == _thread.get_ident():
            self._run_here()  # nobody else would answer what has not begun
        with suppress(IpcError):
            self._driver.wait_server_closed(self._id)
        self._end()
        self._wait_for_handlers()

    def _close_within(self, grace_us: int) -> None:
        self._grace.begin(grace_us)
        self._driver.close_server(self._id, grace_us)

    def _wait_for_handlers(self) -> None:
        deadline = self._grace.deadline()

        def left() -> float:
            return min(max(0.0, deadline - time.monotonic()), _LONGEST_WAIT)

        self._tasks.wait(left())
        self._workers.join(left)

    def wait(self) -> None:
        """Waits until the server is closed, by close() or because another one has taken its name over.

        On the main thread Ctrl-C raises KeyboardInterrupt, and SIGTERM, unless the program handles it, SystemExit(143):
        a `with` block around it then closes the server as close() does, and the process ends without a traceback.
        """
        from .endings import end_process_if_told, ended_by_signals

        self._driver.check_process()
        with ended_by_signals():
            self._wait_closed()
            end_process_if_told()

    def _wait_closed(self) -> None:
        # Python looks for signals and then sleeps: one that comes in between does not end the sleep. It does so
        # where this thread has just been kept waiting, as at the start of a service; so the first sleeps are short.
        for _ in range(_SHORT_WAITS):
            if self._closed.wait(_SHORT_WAIT):
                return
        self._closed.wait()

    def run(self) -> None:
        """Runs the handlers on this thread, one at a time, until the server is closed.

        For handlers that need the main thread. The server's own threads begin no more calls. Ctrl-C and SIGTERM, also
        during a handler, raise here what they raise in wait(); what a handler raises itself goes to its caller.
        If this thread closes the server afterwards, it answers the calls that had not begun.
        """
        self._epoch = self._driver.dismiss_workers(self._id)
        self._use_threads(1)
        try:
            self._run_here()
        except BaseException:
            self._left_by = _thread.get_ident()
            raise

    def _run_here(self) -> None:
        from .endings import end_process_if_told, ended_by_signals

        self._is_run_over = Latch()
        with ended_by_signals() as ending:
            try:
                self._workers.run(self._id, self._epoch, ending)
            finally:
                self._is_run_over.set()
            end_process_if_told()

    def begin_close(self, grace_us: int) -> None:
        """For close_on_signals(), as what follows."""
        with suppress(IpcError):
            self._close_within(grace_us)

    def wait_closed(self) -> None:
        self._closed.wait()
        if self._is_run_over is not None:
            self._is_run_over.wait(LAST_WAIT)
        self._wait_for_handlers()

    def is_closed(self) -> bool:
        return self._closed.is_set()

    def main_loop(self) -> None:
        return None

    def status(self) -> dict[str, Any]:
        """State, address, path, connections, and what the threads are doing."""
        status = self._service.placed(self._driver.server_status(self._id))
        slowest = status.pop("slowest_method")
        busy = status["busy_workers"] > 0
        status["slowest_method"] = self._service.names[slowest] if busy else None
        status["slowest_seconds"] = status.pop("slowest_us") / 1e6
        return status

    @property
    def peers(self) -> list[Any]:
        """Those that are connected, the oldest first, as proxies of what they offer with connect(serve=...).

        The same object each time, for as long as the connection lives. close(peer) disconnects it.
        """
        peers: list[Any] = self._process.calls.peers.of_server(self._id)
        return peers

    def listen(self, listener: StateListener) -> Callable[[], None]:
        """What on_state() does."""
        self._driver.check_process()
        self._process.teller.start()
        return self._listeners.add(listener, self._driver.last_event())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, raised: type[BaseException] | None, *_: object) -> None:
        try:
            self.close()
        except KeyboardInterrupt:
            self._driver.close_server(self._id, 0)  # nor at the end of the process
            if raised not in (KeyboardInterrupt, SystemExit):
                raise
            # What ends the process goes on: one traceback tells enough.

    def __repr__(self) -> str:
        return f"<ipcbridge server {self.name}>"

    def start(self, arguments: dict[str, Any]) -> None:
        ids: list[int] = []
        try:
            self._process.listen()
            keep_result(ids, self._driver.serve, arguments)
            self._id = ids[0]
            self._process.servers[self._id] = self
            self._tasks.serve(self._driver, self._id, self._handlers)
            self._driver.wait_server(self._id)
            self._started = True
            self._start_threads()
            if self.status()["state"] == "closed":  # before on_state() could act on it
                self._end()
        except BaseException:
            for server_id in ids:
                self._discard(server_id)
            raise
        # Nothing is called from here on until the caller has the server: a signal handler would raise in between.

    def _discard(self, server_id: int) -> None:
        self._id = server_id
        try:
            with suppress(IpcError):
                self._driver.close_server(server_id, 0)
                self._driver.wait_server_closed(server_id)  # so that the name is free
        finally:  # a signal handler may raise here, too
            with suppress(IpcError):
                self._driver.close_server(server_id, 0)
            self._process.servers.pop(server_id, None)
            self._end()

    def _use_threads(self, count: int) -> None:
        if self._executor is None:
            self._workers.use(self._id, count, [not is_async for is_async in self._service.is_async])

    def _start_threads(self) -> None:
        self._use_threads(self._thread_count)
        self._workers.start(self._id, self._thread_count)

    def on_state(self, state: str, code: str, message: str, number: int) -> None:
        if state == "closing":
            with suppress(IpcError):
                self.status()  # for its place
        if state == "closed":
            if self._started and not self._closed.is_set():
                self._end()
            # Only now: whoever closes the server may be done before this thread has heard of it.
            self._process.servers.pop(self._id, None)
        self._process.teller.tell(self._listeners, state, code, message, number)

    def on_cancel(self, connection: int, call_id: int) -> None:
        self.waiters.tell((connection, call_id))
        self._tasks.cancel((connection, call_id))

    def on_saturated(self) -> None:
        with suppress(IpcError):
            status = self.status()
            _log.warning(
                "%s: all %d handler threads are busy (calls waiting: %d); the slowest, %s(), has run for %.1f s",
                self.name,
                status["workers"],
                status["queued_calls"],
                status["slowest_method"],
                status["slowest_seconds"],
            )

    def stop(self) -> None:
        """From a finaliser, too: waits for nobody."""
        self._driver.close_server(self._id, 0)

    def shut_down(self) -> None:
        """At interpreter exit."""
        with suppress(IpcError, KeyboardInterrupt):  # Ctrl-C means not to wait
            self.close(_process.EXIT_GRACE)

    def _end(self) -> None:
        if self._closed.is_set():
            return
        with suppress(IpcError):
            self._driver.stop_workers(self._id)
            self._driver.close_streams(self._id)
            self._driver.forget_server(self._id)
        self._tasks.end_serving(self._id)
        self._service.close()
        self._closed.set()

    def _handler(self, number: int) -> Method:
        """Where the thread that reads a call begins it. An `async def` handler is one that returns what is awaited."""
        return plain_method(self, self._service, number, self._tasks.start, self._submitter)

    def _answer_when_done(self, call: _native.InboundCall, work: Future[object]) -> None:
        work.add_done_callback(lambda work: answer_for(call, work, self._service.refuse))
