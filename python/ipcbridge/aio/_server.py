"""The asyncio server: `async def` handlers as tasks of the loop, others on a thread pool."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .. import _local_loops, _native
from .._context import Context, end_context, is_in_handler_of, of_task
from .._decimal_context import decimal_context_of, set_decimal_context
from .._errors import Code, error_from_code
from .._failures import CANCELLED, OnError
from .._handlers import Outcome, Reply, Service, Unawaited, send_reply
from .._listeners import Listeners, StateListener
from .._options import Allow, Seconds, check_service, microseconds, serve_arguments
from .._ownership import keep_result
from .._threads import no_thread
from ._endings import closed_or_terminated
from ._loop import LoopDriver, running

if TYPE_CHECKING:
    from typing_extensions import Self

Key = tuple[int, int]


class _InboundCall:
    """A call that is being handled."""

    __slots__ = ("cancelled", "context", "key", "method", "order", "payload", "waits", "work")

    def __init__(self, method: int, payload: bytes, key: Key, context: contextvars.Context) -> None:
        self.method = method
        self.payload = payload
        self.key = key
        self.context = context
        self.cancelled = False
        self.work: asyncio.Task[None] | Future[Awaitable[Any] | None] | None = None
        # Of a plain serial handler, what waits until it may run and then keeps others waiting while a thread runs it.
        # Not cancelled then, because the thread cannot be.
        self.order: asyncio.Task[None] | None = None
        self.waits = False


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
        self._threads = threads
        self._executor = executor
        self._own_pool: ThreadPoolExecutor | None = None
        self._path: str | None = None
        self._id = 0
        self._invokers = [
            None if is_async else service.sync_invoker(number, _as_it_is)
            for number, is_async in enumerate(service.is_async)
        ]
        self._locks = service.serial_queues(asyncio.Lock)
        self._running: dict[Key, _InboundCall] = {}
        # A request arrives in the context of whoever made the loop look for it, which is not the handlers' business.
        self._context = contextvars.copy_context()
        self._decimal_context = decimal_context_of(self._context)
        self._listening: asyncio.Future[None] = loop.create_future()
        self._closed = asyncio.Event()
        self._listeners = Listeners()

    async def close(self, grace: Seconds = 10) -> None:
        """Accepts no more calls, lets those that run finish for `grace` seconds, then cancels them.

        A handler of this server, which would wait for itself, does not wait: the server closes after it has returned.
        """
        if not self._driver.native.usable():
            return
        self._driver.check_here()
        self._driver.native.close_server(self._id, microseconds(grace, "grace"))
        self._driver.stay_awake()
        if not is_in_handler_of(self):
            await self._closed.wait()

    async def wait(self) -> None:
        """Waits until the server is closed, by close() or because another one has taken its name over.

        On the main thread SIGTERM, unless the program handles it, raises SystemExit(143) here: an `async with` block
        around it then closes the server.
        """
        self._driver.native.check_process()
        self._driver.check_here()
        await closed_or_terminated(self._loop, self._closed)

    def status(self) -> dict[str, Any]:
        """State, address, path, connections, running_calls."""
        return self._driver.native.server_status(self._id)

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
            self._driver.stay_awake()
            await self._listening
            self._path = _native.socket_path(arguments["address"])
            _local_loops.add(self._loop, self._path)
        except BaseException:
            for server_id in ids:
                if self._driver.native.usable():
                    self._driver.native.close_server(server_id, 0)
                    self._driver.stay_awake()
            raise

    def on_state(self, state: str, code: Code, message: str) -> None:
        if state == "listening" and not self._listening.done():
            self._listening.set_result(None)
        if state == "closed":
            self._end(code, message)
        self._listeners.tell(state, code, message)

    def _end(self, code: Code, message: str) -> None:
        if not self._listening.done():
            self._listening.set_exception(error_from_code(code, message))
        self._driver.servers.pop(self._id, None)
        if self._path is not None:
            _local_loops.remove(self._loop, self._path)
            self._path = None
        for running_call in list(self._running.values()):
            self._cancel(running_call)
        if self._own_pool is not None:
            self._own_pool.shutdown(wait=False)
        self._closed.set()

    def on_request(
        self,
        method: int,
        payload: bytes,
        metadata: bytes,
        connection: int,
        call_id: int,
        timeout_us: int,
        is_notification: bool,
    ) -> None:
        key, context = (connection, call_id), self._context.copy()
        set_decimal_context(context, self._decimal_context)
        call = _InboundCall(method, payload, key, context)
        deadline = time.monotonic() + timeout_us / 1e6 if timeout_us else None
        name = self._service.names[method]
        context.run(of_task.set, Context(self, name, metadata, deadline, lambda: call.cancelled, is_notification))
        self._running[key] = call
        lock = self._locks[method]
        if self._service.is_async[method]:
            self._start_task(call, lambda: self._service.invoke_async(method, payload, lock))
        elif lock is not None:
            call.waits = True
            call.order = self._loop.create_task(self._run_in_order(lock, call))
        else:
            self._submit(call)

    def _start_task(self, call: _InboundCall, work: Callable[[], Awaitable[Reply]]) -> asyncio.Task[None]:
        task = call.work = call.context.run(self._loop.create_task, self._answer(call.key, work))
        if call.cancelled:
            task.cancel()
        task.add_done_callback(lambda done: self._answer_if_dropped(call.key, done))
        return task

    def _submit(self, call: _InboundCall) -> Future[Awaitable[Any] | None] | None:
        call.waits = False
        try:
            work = self._pool().submit(self._run, call)
        except Exception as error:  # the executor has been shut down, or there is no thread to be had
            self._fail(call, error)
            return None
        call.work = work
        work.add_done_callback(lambda done: self._answer_if_lost(call, done))
        return work

    def _run(self, call: _InboundCall) -> Awaitable[Any] | None:
        """On a thread: answers, or returns what the loop is to await."""
        invoke = self._invokers[call.method]
        assert invoke is not None
        outcome: Outcome = call.context.run(invoke, call.payload)
        if isinstance(outcome, Unawaited):
            if self._locks[call.method] is None:
                self._loop.call_soon_threadsafe(self._finish, call, outcome.result)
            return outcome.result
        self._reply(call.key, outcome)
        end_context(call.context[of_task])
        return None

    def _finish(self, call: _InboundCall, awaitable: Awaitable[Any]) -> asyncio.Task[None]:
        return self._start_task(call, lambda: self._service.finish(call.method, awaitable))

    async def _run_in_order(self, lock: asyncio.Lock, call: _InboundCall) -> None:
        async with lock:
            work = self._submit(call)
            if work is None:
                return
            # Until it ends, however it does: the caller has been told by what _submit() arranged.
            (result,) = await asyncio.gather(asyncio.wrap_future(work), return_exceptions=True)
            if result is not None and not isinstance(result, BaseException):
                await asyncio.wait([self._finish(call, result)])

    def on_cancel(self, connection: int, call_id: int) -> None:
        key = (connection, call_id)
        call = self._running.get(key)
        if call is None:
            return
        self._cancel(call)
        if call.order is not None and call.waits:
            call.order.cancel()
            self._reply(key, CANCELLED)

    @staticmethod
    def _cancel(call: _InboundCall) -> None:
        call.cancelled = True
        if call.work is not None:
            call.work.cancel()

    def _answer_if_lost(self, call: _InboundCall, work: Future[Any]) -> None:
        self._answer_if_dropped(call.key, work)
        error = None if work.cancelled() else work.exception()
        if error is not None:  # of the executor: what a handler raises is an answer
            self._fail(call, error)

    def _answer_if_dropped(self, key: Key, work: asyncio.Task[None] | Future[Any]) -> None:
        if work.cancelled():  # before it began, by the caller or by the executor
            self._reply(key, CANCELLED)

    async def _answer(self, key: Key, work: Callable[[], Awaitable[Reply]]) -> None:
        self._reply(key, await work())
        end_context(of_task.get())
        self._driver.stay_awake()

    def _fail(self, call: _InboundCall, error: BaseException) -> None:
        if type(error) is RuntimeError and "new thread" in str(error):
            error = no_thread(error)
        self._reply(call.key, self._service.failures.of_handler(self._service.names[call.method], error))

    def _reply(self, key: Key, reply: Reply) -> None:
        self._running.pop(key, None)
        send_reply(self._driver.native, key, reply)

    def _pool(self) -> Executor:
        if self._executor is not None:
            return self._executor
        if self._own_pool is None:
            self._own_pool = ThreadPoolExecutor(self._threads, thread_name_prefix=f"ipcbridge-{self.name}")
        return self._own_pool


def _as_it_is(outcome: Outcome) -> Outcome:
    return outcome


async def serve(
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
    """ipcbridge.serve() on the running loop.

    `async def` handlers run as tasks of this loop, other functions on a pool of `threads` threads or on
    `executor`, with the context variables of the server's. When the caller cancels, so is the task.
    """
    count = check_service(name, threads, serial, executor, on_error)
    service = Service(name, target, serial, on_error)
    arguments = serve_arguments(name, service.names, takeover, takeover_timeout, allow, mode, limits, expose)
    server = Server(await running(), asyncio.get_running_loop(), service, count, executor)
    await server.start(arguments)
    return server
