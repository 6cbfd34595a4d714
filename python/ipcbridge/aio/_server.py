"""The asyncio server: `async def` handlers as tasks of the loop, others on a thread pool."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .. import _local_loops, _native
from .._context import Context, end_context, is_in_handler_of, of_task
from .._errors import Code, error_from_code
from .._handlers import CANCELLED, OnError, Reply, Service, send_reply
from .._listeners import Listeners, StateListener
from .._options import Allow, Seconds, check_service, microseconds, serve_arguments
from ._loop import LoopDriver, running

if TYPE_CHECKING:
    from typing_extensions import Self

Key = tuple[int, int]


class _Running:
    """A request that is being handled."""

    __slots__ = ("cancelled", "turn", "waits", "work")

    def __init__(self) -> None:
        self.cancelled = False
        self.work: asyncio.Task[None] | Future[None] | None = None
        # Of a plain serial handler, what waits for its turn and then keeps it while a thread runs the handler. Not
        # cancelled then, because the thread cannot be.
        self.turn: asyncio.Task[None] | None = None
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
            None if is_async else service.sync_invoker(number) for number, is_async in enumerate(service.is_async)
        ]
        self._turns = service.lanes(asyncio.Lock)
        self._running: dict[Key, _Running] = {}
        # A request arrives in the context of whoever made the loop look for it, which is not the handlers' business.
        self._context = contextvars.copy_context()
        self._listening: asyncio.Future[None] = loop.create_future()
        self._closed = asyncio.Event()
        self._listeners = Listeners()

    async def close(self, grace: Seconds = 10) -> None:
        """Accepts no more calls, lets those that run finish for `grace` seconds, then cancels them.

        A handler of this server, which would wait for itself, does not wait: the server closes after it has returned.
        """
        if not self._driver.native.usable():
            return
        self._driver.native.close_server(self._id, microseconds(grace, "grace"))
        self._driver.stay_awake()
        if not is_in_handler_of(self):
            await self._closed.wait()

    async def wait(self) -> None:
        """Waits until the server is closed, by close() or because another one has taken its name over."""
        self._driver.native.check_process()
        await self._closed.wait()

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
        self._id = self._driver.native.serve(**arguments)
        self._driver.servers[self._id] = self
        self._driver.stay_awake()
        try:
            await self._listening
        except BaseException:
            if self._driver.native.usable():
                self._driver.native.close_server(self._id, 0)
                self._driver.stay_awake()
            raise
        self._path = _native.socket_path(arguments["address"])
        _local_loops.add(self._loop, self._path)

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
    ) -> None:
        key = (connection, call_id)
        request = _Running()
        deadline = time.monotonic() + timeout_us / 1e6 if timeout_us else None
        context = Context(self, self._service.names[method], metadata, deadline, lambda: request.cancelled)
        self._running[key] = request
        copied = self._context.copy()
        copied.run(of_task.set, context)
        invoke = self._invokers[method]
        if invoke is None:
            request.work = copied.run(self._loop.create_task, self._answer(method, payload, key))
            request.work.add_done_callback(lambda task: self._answer_if_dropped(key, task))
            return

        def handle() -> None:
            self._reply(key, copied.run(invoke, payload))
            end_context(context)

        def submit() -> Future[None] | None:
            request.waits = False
            try:
                work = self._pool().submit(handle)
            except Exception as error:  # the executor has been shut down, say
                self._reply(key, self._service.failure(method, error, payload))
                return None
            work.add_done_callback(lambda done: self._answer_if_lost(method, payload, key, done))
            return work

        turns = self._turns[method]
        if turns is not None:
            request.waits = True
            request.turn = self._loop.create_task(self._in_turn(turns, submit))
        else:
            request.work = submit()

    @staticmethod
    async def _in_turn(turns: asyncio.Lock, submit: Callable[[], Future[None] | None]) -> None:
        async with turns:
            work = submit()
            if work is not None:
                # Until it ends, however it does: the caller has been told by what submit() arranged.
                await asyncio.gather(asyncio.wrap_future(work), return_exceptions=True)

    def on_cancel(self, connection: int, call_id: int) -> None:
        key = (connection, call_id)
        running_call = self._running.get(key)
        if running_call is None:
            return
        self._cancel(running_call)
        if running_call.turn is not None and running_call.waits:
            running_call.turn.cancel()
            self._reply(key, CANCELLED)

    @staticmethod
    def _cancel(running_call: _Running) -> None:
        running_call.cancelled = True
        if running_call.work is not None:
            running_call.work.cancel()

    def _answer_if_lost(self, method: int, payload: bytes, key: Key, work: Future[None]) -> None:
        self._answer_if_dropped(key, work)
        error = None if work.cancelled() else work.exception()
        if error is not None:  # of the executor: what a handler raises is an answer
            self._reply(key, self._service.failure(method, error, payload))

    def _answer_if_dropped(self, key: Key, work: asyncio.Task[None] | Future[None]) -> None:
        if work.cancelled():  # before it began, by the caller or by the executor
            self._reply(key, CANCELLED)

    async def _answer(self, method: int, payload: bytes, key: Key) -> None:
        self._reply(key, await self._service.invoke_async(method, payload, self._turns[method]))
        end_context(of_task.get())
        self._driver.stay_awake()

    def _reply(self, key: Key, reply: Reply) -> None:
        self._running.pop(key, None)
        send_reply(self._driver.native, key, reply)

    def _pool(self) -> Executor:
        if self._executor is not None:
            return self._executor
        if self._own_pool is None:
            self._own_pool = ThreadPoolExecutor(self._threads, thread_name_prefix=f"ipcbridge-{self.name}")
        return self._own_pool


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
