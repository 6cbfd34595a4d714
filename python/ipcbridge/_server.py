"""The blocking server: handlers on threads."""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from . import _log, _native, _process
from ._context import end_context, is_in_handler_of, make_context, of_task, time_left, worker
from ._decimal_context import decimal_context_of, with_decimal_context
from ._endings import ended_by_signals, interruptible
from ._errors import IpcError
from ._failures import CANCELLED, ErrorReply, Failure, OnError
from ._handlers import Outcome, Service, Unawaited, current_key, send_reply
from ._listeners import Listeners, StateListener
from ._options import Allow, Seconds, check_service, microseconds, serve_arguments
from ._ownership import keep_result
from ._serial import Key, SerialQueue
from ._threads import Latch, start_thread

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Executor, Future

    from typing_extensions import Self

    from ._background import HandlerLoop

_SHORT_WAITS, _SHORT_WAIT = 20, 0.05  # seconds
_RETURN_PATIENCE = 1.0  # seconds that close() waits for idle threads to end


class Server:
    """A service that this process offers. Made by serve(); any thread may use it.

    It serves until close(), until the end of its `with` block, or until the main thread and all other
    non-daemon threads have ended: then running handlers have two seconds to finish.
    """

    def __init__(self, process: _process.Process, service: Service, threads: int, executor: Executor | None) -> None:
        self.name = service.name
        self._process = process
        self._pump = process.pump
        self._service = service
        self._thread_count = threads
        self._executor = executor
        self._id = 0
        self._started = False
        self._closed = Latch()
        self._shift = 0
        self._left_by: threading.Thread | None = None
        self._listeners = Listeners()
        self._threads: list[threading.Thread] = []
        self._tasks: dict[tuple[int, int], tuple[asyncio.Task[None], asyncio.AbstractEventLoop]] = {}
        if any(service.is_async):
            from . import _background  # noqa: F401 - now, because whoever imports has a lock that a finaliser may want

        self._queues = service.serial_queues(SerialQueue)
        self._handlers: list[_Handler] = [self._handler(number) for number in range(len(service.names))]

    def close(self, grace: Seconds = 10) -> None:
        """Accepts no more calls, lets those that run finish for `grace` seconds, then cancels them.

        Ctrl-C ends the wait. Handlers that do not look at context().cancelled() may outlive it. A handler of this
        server, which would wait for itself, does not wait: the server closes after it has returned.
        """
        self._pump.close_server(self._id, microseconds(grace, "grace"))
        if is_in_handler_of(self):
            return
        if self._left_by is threading.current_thread():
            self._run_here()  # nobody else would answer what has not begun
        with contextlib.suppress(IpcError):
            self._pump.wait_server_closed(self._id)
        self._end()
        deadline = time.monotonic() + _RETURN_PATIENCE
        for thread in list(self._threads):
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def wait(self) -> None:
        """Waits until the server is closed, by close() or because another one has taken its name over.

        On the main thread Ctrl-C raises KeyboardInterrupt, and SIGTERM, unless the program handles it, SystemExit(143):
        a `with` block around it then closes the server as close() does, and the process ends without a traceback.
        """
        self._pump.check_process()
        with ended_by_signals():
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
        self._shift = self._pump.begin_shift(self._id)
        try:
            self._run_here()
        except BaseException:
            self._left_by = threading.current_thread()
            raise

    def _run_here(self) -> None:
        with ended_by_signals() as ending:
            handlers = [interruptible(self._pump, handler, ending) for handler in self._own_handlers()]
            self._begin_work()
            try:
                self._pump.run_worker(self._id, self._shift, handlers)
            finally:
                worker.server = worker.pump = None

    def status(self) -> dict[str, Any]:
        """State, address, path, connections, and what the threads are doing."""
        status = self._pump.server_status(self._id)
        slowest = status.pop("slowest_method")
        busy = status["busy_workers"] > 0
        status["slowest_method"] = self._service.names[slowest] if busy else None
        status["slowest_seconds"] = status.pop("slowest_us") / 1e6
        return status

    def listen(self, listener: StateListener) -> Callable[[], None]:
        """What on_state() does."""
        self._pump.check_process()
        self._process.teller.start()
        return self._listeners.add(listener, self._pump.last_news())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, raised: type[BaseException] | None, *_: object) -> None:
        try:
            self.close()
        except KeyboardInterrupt:
            self._pump.close_server(self._id, 0)  # nor at the end of the process
            if raised not in (KeyboardInterrupt, SystemExit):
                raise
            # What ends the process goes on: one traceback tells enough.

    def __repr__(self) -> str:
        return f"<ipcbridge server {self.name}>"

    def start(self, arguments: dict[str, Any]) -> None:
        ids: list[int] = []
        try:
            self._process.listen()
            keep_result(ids, self._pump.serve, arguments)
            self._id = ids[0]
            self._process.servers[self._id] = self
            self._add_to_loop()
            self._pump.wait_server(self._id)
            self._started = True
            self._start_threads()
            if self._pump.server_status(self._id)["state"] == "closed":  # before on_state() could act on it
                self._end()
        except BaseException:
            for server_id in ids:
                self._discard(server_id)
            raise
        # Nothing is called from here on until the caller has the server: a signal handler would raise in between.

    def _add_to_loop(self) -> None:
        """The loop reads the calls of async methods itself, but of those that run one at a time."""
        methods = [is_async and queue is None for is_async, queue in zip(self._service.is_async, self._queues)]
        if not any(methods):
            return
        from . import _background

        _background.add_server(self._id, lambda loop: [self._starter(number, loop) for number in range(len(methods))])
        self._pump.set_loop_methods(self._id, methods)

    def _discard(self, server_id: int) -> None:
        self._id = server_id
        try:
            with contextlib.suppress(IpcError):
                self._pump.close_server(server_id, 0)
                self._pump.wait_server_closed(server_id)  # so that the name is free
        finally:  # a signal handler may raise here, too
            with contextlib.suppress(IpcError):
                self._pump.close_server(server_id, 0)
            self._process.servers.pop(server_id, None)
            self._end()

    def _start_threads(self) -> None:
        for number in range(self._thread_count):
            self._threads.append(start_thread(self._work, f"ipcbridge-{self.name}-{number}"))

    def on_state(self, state: str, code: str, message: str, number: int) -> None:
        if state == "closed":
            if self._started and not self._closed.is_set():
                self._end()
            # Only now: whoever closes the server may be done before this thread has heard of it.
            self._process.servers.pop(self._id, None)
        self._process.teller.tell(self._listeners, state, code, message, number)

    def on_cancel(self, connection: int, call_id: int) -> None:
        key = (connection, call_id)
        if any(queue.drop(key) for queue in self._queues if queue is not None):
            send_reply(self._pump, key, CANCELLED)
            return
        running = self._tasks.get(key)
        if running is not None:
            task, loop = running
            with contextlib.suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(task.cancel)

    def on_saturated(self) -> None:
        with contextlib.suppress(IpcError):
            status = self.status()
            if status["busy_workers"] < status["workers"]:
                return
            if status["queued_calls"] == 0 or status["slowest_seconds"] < 1.0:
                self._pump.watch(self._id)
                return
            _log.warning(
                "%s: all %d handler threads are busy (calls waiting: %d); the slowest, %s(), has run for %.1f s",
                self.name,
                status["workers"],
                status["queued_calls"],
                status["slowest_method"],
                status["slowest_seconds"],
            )

    def shut_down(self) -> None:
        """At interpreter exit."""
        with contextlib.suppress(IpcError, KeyboardInterrupt):  # Ctrl-C means not to wait
            self.close(_process.EXIT_GRACE)

    def _end(self) -> None:
        with contextlib.suppress(IpcError):
            self._pump.stop_workers(self._id)
            self._pump.forget_server(self._id)
        if any(self._service.is_async):
            from . import _background

            _background.remove_server(self._id)
        self._closed.set()

    def _begin_work(self) -> None:
        worker.server, worker.pump, worker.names = self, self._pump, self._service.names

    def _work(self) -> None:
        self._begin_work()
        with contextlib.suppress(IpcError):  # the end of the interpreter
            self._pump.run_worker(self._id, 0, self._own_handlers())

    def _own_handlers(self) -> list[_Handler]:
        """For this thread, whose contextvars each call gets a copy of."""
        decimal_context = decimal_context_of(contextvars.copy_context())
        if decimal_context is None:
            return self._handlers
        return [with_decimal_context(decimal_context, handler) for handler in self._handlers]

    def _handler(self, number: int) -> _Handler:
        """What the thread that reads a request calls: it returns the answer, or None when that is given later."""
        is_async, queue = self._service.is_async[number], self._queues[number]
        if queue is None and not is_async and self._executor is None:
            return self._service.sync_invoker(number, lambda outcome: self._answer_unusual(number, outcome))
        run = self._start_task if is_async else self._submit if self._executor is not None else self._run_here_and_now
        invoke = None if is_async else self._service.sync_invoker(number, _as_it_is)

        def handle(payload: bytes) -> None:
            call = self._detached(number, payload, invoke)
            if queue is not None:
                queue.enter(call.key, lambda: self._run_in_order(call, run, queue))
            else:
                run(call, _nothing)

        return handle

    def _answer_unusual(self, number: int, outcome: Outcome) -> None:
        """A call that this thread has run, as most are, did not end with a result."""
        if isinstance(outcome, Unawaited):
            self._start_task(self._detached(number, b"", None), _nothing, outcome.result)
        else:
            send_reply(self._pump, current_key(), outcome)

    def _run_in_order(self, call: _InboundCall, run: _Run, queue: SerialQueue) -> bool:
        """A job of the queue."""
        self._pump.begin_next(self._id, call.number)
        if self._pump.cancelled(*call.key):
            send_reply(self._pump, call.key, CANCELLED)
            return True
        if self._executor is not None:
            run(call, queue.leave)
            return False
        # On this thread, also what runs on the event loop, because plain handlers that wait go on here.
        ended = Latch()
        run(call, ended.set)
        ended.wait()
        return True

    def _run_here_and_now(self, call: _InboundCall, ended: Callable[[], object]) -> None:
        assert call.invoke is not None
        outcome = call.context.run(call.invoke, call.payload)
        if isinstance(outcome, Unawaited):
            self._start_task(call, ended, outcome.result)
            return
        send_reply(self._pump, call.key, outcome)
        end_context(call.context[of_task])
        ended()

    def _submit(self, call: _InboundCall, ended: Callable[[], object]) -> None:
        assert self._executor is not None

        def done(work: Future[None]) -> None:
            if work.cancelled():
                send_reply(self._pump, call.key, CANCELLED)
            elif (error := work.exception()) is not None:  # of the executor: what a handler raises is an answer
                send_reply(self._pump, call.key, self._failure(call, error))
            else:
                return
            ended()

        try:
            work = self._executor.submit(self._run_here_and_now, call, ended)
        except Exception as error:  # it has been shut down, say
            send_reply(self._pump, call.key, self._failure(call, error))
            ended()
        else:
            work.add_done_callback(done)

    def _start_task(
        self, call: _InboundCall, ended: Callable[[], object], awaitable: Awaitable[Any] | None = None
    ) -> None:
        key, service = call.key, self._service

        async def answer() -> None:
            if awaitable is None:
                reply = await service.invoke_async(call.number, call.payload)
            else:
                reply = await service.finish(call.number, awaitable)
            send_reply(self._pump, key, reply)
            end_context(of_task.get())

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.pop(key, None)
            if task.cancelled():  # before it began, so that answer() never ran
                send_reply(self._pump, key, CANCELLED)
            ended()

        def started(task: asyncio.Task[None], loop: asyncio.AbstractEventLoop) -> None:
            self._tasks[key] = (task, loop)
            task.add_done_callback(done)
            if self._pump.cancelled(*key):
                task.cancel()

        work = answer()
        try:
            from . import _background

            _background.start(work, call.context, started)
        except Exception as error:  # no thread can be started, or there are no descriptors left for its loop
            work.close()
            send_reply(self._pump, key, self._failure(call, error))
            ended()

    def _starter(self, number: int, loop: HandlerLoop) -> Callable[[bytes], None]:
        """What the loop calls for a call of this method."""
        pump, name, tasks, answer = self._pump, self._service.names[number], self._tasks, self._service.answerer(number)

        def start(payload: bytes) -> None:
            request = _native.current_request()
            assert request is not None
            _method, metadata, timeout_us, connection, call_id, is_notification = request
            key = (connection, call_id)
            # In the context of this call, which the task copies.
            of_task.set(make_context(self, pump, name, metadata, time_left(timeout_us), key, is_notification))
            task = loop.start_task(answer(pump, key, payload))
            if not task.done():
                tasks[key] = (task, loop)
                task.add_done_callback(lambda task: forget(key, task))
                if pump.cancelled(*key):
                    task.cancel()

        def forget(key: Key, task: asyncio.Task[None]) -> None:
            tasks.pop(key, None)
            if task.cancelled():  # before it began, where a task factory of the handlers' has put it off
                send_reply(pump, key, CANCELLED)

        return start

    def _failure(self, call: _InboundCall, error: BaseException) -> Failure:
        return self._service.failures.of_handler(self._service.names[call.number], error)

    def _detached(self, number: int, payload: bytes, invoke: Callable[[bytes], Outcome] | None) -> _InboundCall:
        """What the calling thread is handling, for a handler that runs later or on another thread."""
        request = _native.current_request()
        assert request is not None
        _method, metadata, timeout_us, connection, call_id, is_notification = request
        key, context = (connection, call_id), contextvars.copy_context()
        name, left = self._service.names[number], time_left(timeout_us)
        context.run(of_task.set, make_context(self, self._pump, name, metadata, left, key, is_notification))
        return _InboundCall(number, payload, context, key, invoke)


class _InboundCall(NamedTuple):
    """A call whose handler leaves the thread that read it."""

    number: int
    payload: bytes
    context: contextvars.Context
    key: Key
    invoke: Callable[[bytes], Outcome] | None


_Handler = Callable[[bytes], Union[bytes, ErrorReply, None]]
_Run = Callable[[_InboundCall, Callable[[], object]], None]


def _as_it_is(outcome: Outcome) -> Outcome:
    return outcome


def _nothing() -> None:
    """Of a call after which nothing waits."""


def serve(
    name: str,
    target: Any,
    *,
    threads: int = 8,
    serial: bool = False,
    executor: Executor | None = None,
    takeover: str = "wait",
    takeover_timeout: Seconds = 2,
    allow: Iterable[Allow] | None = None,
    mode: int = 0o600,
    limits: Mapping[str, int] | None = None,
    on_error: OnError | None = None,
    expose: Iterable[str] | None = None,
) -> Server:
    """Serves the functions of `target` under `name`; returns as soon as clients can connect.

    `target` is a mapping of callables, an instance (the methods of its class), a module (its `__all__`, else the
    functions defined in it) or a SimpleNamespace; nested ones are namespaces. Nothing that begins with an
    underscore is served, no property is evaluated, classes are refused.

    Handlers run on `threads` threads, or one call at a time (`serial=True`), or on `executor`. `async def`
    handlers run on an event loop that all servers of the process share, on a thread of its own.
    `takeover` says what happens when the name is taken: 'wait' for `takeover_timeout` seconds until it is
    free, 'fail', or 'replace' the other server. Serving a name again in the same process replaces.
    `allow` names users other than this one that may connect, `mode` is the socket file's. `limits` may hold
    max_message_bytes, max_pending_bytes and max_pending_calls, and max_bytes_per_user, which bounds what all
    connections of a user together make the service keep. What a handler raises unexpectedly goes to
    `on_error(exception, method)`, or else to the logger 'ipcbridge'; the caller gets it as a RemoteError.
    `expose` comes in a later release: until then it is refused with 'unimplemented'.

    Raises IpcError: 'already_exists' when the name stays taken, 'invalid_argument', 'permission_denied'.
    """
    count = check_service(name, threads, serial, executor, on_error)
    service = Service(name, target, serial, on_error)
    arguments = serve_arguments(name, service.names, takeover, takeover_timeout, allow, mode, limits, expose)
    server = Server(_process.current(), service, count, executor)
    server.start(arguments)
    return server
