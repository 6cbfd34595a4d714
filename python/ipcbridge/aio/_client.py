"""The asyncio client."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .. import _native
from .._client.client import Attached
from .._client.descriptions import Descriptions
from .._client.middleware import MakeCaller
from .._client.notifications import Dropped
from .._client.proxy import BaseProxy, parts, parts_of_call
from .._errors import Code, DeadlineExceeded, IpcError, error_from_code
from .._middleware import Middleware
from .._options import CallOptions, Seconds
from .._process.listeners import Listeners, StateListener
from .._process.ownership import keep_result
from .._tracebacks import leave_one_frame
from ._call import Call
from ._loop import LoopDriver
from ._middleware import LoopMiddlewareCaller
from ._server import Server

if TYPE_CHECKING:
    from typing_extensions import Self


NOT_DESCRIBED = ("(`await aio.describe(...)` fetches the documentation)", None)


class Client:
    """A connection to a service, driven by one event loop. Only on that loop's thread."""

    lazy = False

    def __init__(
        self,
        driver: LoopDriver,
        loop: asyncio.AbstractEventLoop,
        arguments: dict[str, Any],
        middleware: list[Middleware],
        attached: Attached | None,
        listeners: Listeners,
    ) -> None:
        self._addresses: list[str] = arguments["addresses"]
        self.address = ", ".join(self._addresses)
        self.ready: asyncio.Future[None] = loop.create_future()
        if arguments["lazy"]:  # nobody waits for it
            self.ready.set_result(None)
        self._driver = driver
        self._loop = loop
        self._middleware = middleware
        self._dropped = Dropped(self.address)
        self._listeners = listeners
        self._state = "disconnected" if arguments["lazy"] else "connecting"
        # Calls that found the queue full, in their order, until they are done: each sends itself when asked again, or
        # says that there is still no room.
        self._waiting: OrderedDict[Call, Callable[[], bool]] = OrderedDict()  # a dict is slow to give up its first
        self._impatient: dict[Call, Callable[[], bool]] = {}  # those that do not wait for a service
        ids: list[int] = []
        self._endings: list[Callable[[], object]] = [] if attached is None else [attached.stop]
        self._finalizer = weakref.finalize(self, _close, driver, ids, self._endings)
        if attached is not None:
            arguments["serves"] = attached.start_attached()
        self._finalizer.atexit = False
        keep_result(ids, driver.native.connect, arguments)
        self._id = ids[0]
        self.generation = driver.native.generation(self._id)
        self._descriptions = Descriptions(self.generation)
        driver.clients[self._id] = self

    def is_usable(self) -> bool:
        """False when its loop has been closed, and in a forked child."""
        return self._driver.native.usable()

    def methods(self) -> list[str]:
        return self._driver.native.methods(self._id)

    def caller(self, name: str, options: CallOptions) -> Callable[..., Any]:
        number = self._driver.native.intern_method(self._id, name)
        return self._around(name, options, lambda options: self._caller(name, number, options))

    def _around(self, name: str, options: CallOptions, make: MakeCaller) -> Callable[..., Any]:
        if not self._middleware:
            return make(options)
        return LoopMiddlewareCaller(self.address, name, options, make, self._middleware, self._driver.guard)

    def call(self, name: str, options: CallOptions, args: Iterable[Any], kwargs: Mapping[str, Any]) -> Call:
        self._driver.check_here()
        # Any name that a user gives: what the service does not offer is not kept.
        try:
            number = self._driver.native.find_method(self._id, name)
        except IpcError as error:
            call = Call(loop=self._loop)
            call.set_exception(error)
            return call
        made: Call = self._around(name, options, lambda options: self._caller(name, number, options))(*args, **kwargs)
        return made

    def _caller(self, name: str, number: int, options: CallOptions) -> _native.Caller:
        callbacks = (self.help, self._driver.guard, self._dropped.add, self._keeper(number, options))
        return _native.Caller(self._driver.native, self._id, number, name, options.native(), callbacks)

    def status(self) -> dict[str, Any]:
        return self._driver.native.client_status(self._id, self._addresses)

    async def describe(self, options: CallOptions) -> dict[str, Any]:
        generation = self.generation.value
        number = self._driver.native.intern_method(self._id, _native.DESCRIBE)
        ask = self._caller(_native.DESCRIBE, number, options.as_awaited())
        return self._descriptions.keep(await ask(), generation)

    def help(self, name: str) -> tuple[str, Any]:
        return self._descriptions.help_of(name) or NOT_DESCRIBED

    def listen(self, listener: StateListener) -> Callable[[], None]:
        self._driver.native.check_process()
        return self._listeners.add(listener)

    def on_state(self, state: str, code: Code, message: str) -> None:
        if not self.ready.done():
            if state == "ready":
                self.ready.set_result(None)
            elif state == "closed":
                self.ready.set_exception(error_from_code(code, message, sent="no" if code == "unavailable" else None))
        if state != "ready":
            for send in list(self._impatient.values()):
                send()
        if state != self._state:
            self._state = state
            self._listeners.tell(state, code, message)

    def on_room(self) -> None:
        while self._waiting:
            call, send = next(iter(self._waiting.items()))
            if not send():
                return
            self._forget_waiting(call)

    def close(self) -> None:
        self._finalizer()

    def end_with_it(self, stop: Callable[[], object]) -> None:
        """Called when this is closed, or dropped: maybe by a finaliser. It must not refer to this."""
        self._endings.append(stop)

    def _send(self, call: Call, method: int, options: CallOptions, payload: bytes) -> bool:
        """Sends the call, or ends it if it can never be sent. False when there is no room for it now."""
        try:
            return self._driver.native.call(self._id, call, self, method, *options.native(), payload)
        except IpcError as error:
            call.set_exception(error)
            return True

    def _keeper(self, method: int, options: CallOptions) -> Callable[[Call, int, bytes, bytes], None]:
        """For calls of a method that find no room."""

        def keep(call: Call, timeout_us: int, metadata: bytes, payload: bytes) -> None:
            sent = CallOptions(timeout_us, options.flags, metadata, options.idle_us)
            self._wait_for_room(call, method, sent, payload)

        return keep

    def _wait_for_room(self, call: Call, method: int, options: CallOptions, payload: bytes) -> None:
        deadline = None if options.timeout_us < 0 else self._loop.time() + options.timeout_us / 1e6

        def send() -> bool:
            if call.done():
                return True
            left = options
            if deadline is not None:
                left_us = max(0, int((deadline - self._loop.time()) * 1e6))
                left = CallOptions(left_us, options.flags, options.metadata, options.idle_us)
            return self._send(call, method, left, payload)

        def expire() -> None:
            if not call.done():
                why = "the calls that wait to be sent exceed max_queued_bytes"
                call.set_exception(
                    DeadlineExceeded(f"the call could not be sent before its deadline: {why}", sent="no")
                )

        self._waiting[call] = send
        if options.flags & _native.FAIL_FAST:
            self._impatient[call] = send
        call.add_done_callback(self._forget_waiting)
        if deadline is not None:
            timer = self._loop.call_at(deadline, expire)
            call.add_done_callback(lambda _: timer.cancel())

    def _forget_waiting(self, call: asyncio.Future[Any]) -> None:
        self._waiting.pop(call, None)  # type: ignore[call-overload]
        self._impatient.pop(call, None)  # type: ignore[call-overload]


def _close(driver: LoopDriver, client_ids: list[int], endings: list[Callable[[], object]]) -> None:
    with contextlib.suppress(IpcError, RuntimeError):  # a forked child, or a loop that has been closed
        for client_id in client_ids:
            driver.close_client(client_id)
        for stop in endings:
            stop()


class Proxy(BaseProxy):
    """A service at the other end: call its functions as methods, and await the calls."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await close(self)


def call(proxy: Proxy, name: str, args: Iterable[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Call:
    """Calls any method by its name, also one that no attribute can reach."""
    try:
        client, options, full = parts_of_call(proxy, name, args)
        made: Call = client.call(full, options, args, kwargs or {})
        return made
    except BaseException as error:
        leave_one_frame(error)
        raise


async def describe(proxy: Proxy) -> dict[str, Any]:
    """What the service tells of itself: {"service", "methods": {name: {"signature", "doc", "params", "async"}}}."""
    try:
        client, options, _prefix = parts(proxy)
        described: dict[str, Any] = await client.describe(options)
        return described
    except BaseException as error:
        leave_one_frame(error)
        raise


async def close(of: Proxy | Server | Callable[..., Any], grace: Seconds = 10) -> None:
    """Closes a connection, or a server, as Server.close(grace) does.

    A connection's calls in flight fail with 'cancelled', later ones with 'failed_precondition'. Of a function or object
    of the other side's it is release(). Does nothing when it is closed already.
    """
    try:
        if isinstance(of, Server):
            await of.close(grace)
        else:
            parts(of)[0].close()
    except BaseException as error:
        leave_one_frame(error)
        raise
