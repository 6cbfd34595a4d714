"""The blocking client."""

from __future__ import annotations

import weakref
from _collections_abc import Callable, Iterable, Mapping

from .. import _native
from .._errors import IpcError
from .._middleware import GivenMiddleware, Middleware, middleware_list
from .._options import MAX_QUEUED_BYTES, Allow, CallOptions, Seconds, connect_arguments
from .._process import local_loops as _local_loops
from .._process import process as _process
from .._process.listeners import Listeners, StateListener
from .._process.ownership import keep_result
from .._suppress import suppress
from .._tracebacks import leave_one_frame
from .._typing import TYPE_CHECKING, Any, Protocol
from .descriptions import Descriptions
from .middleware import BlockingMiddlewareCaller, MakeCaller, SubmittedMiddlewareCaller
from .notifications import Dropped
from .outcome import error_of
from .proxy import BaseProxy, parts, parts_of_call

if TYPE_CHECKING:
    from typing_extensions import Self

_HELP_TIMEOUT = CallOptions(timeout_us=1_000_000)


class Attached(Protocol):
    """What a client serves."""

    def start_attached(self) -> int: ...
    def stop(self) -> None: ...


class Renewing(Protocol):
    """What makes callers of this process in a forked child."""

    def renewed_caller(self, name: str, options: CallOptions) -> _native.Caller: ...


def no_owner() -> None:
    """Of a client that is gone in a forked child."""


class Client:
    """A connection to a service, with whatever reconnections it needs. Any thread."""

    def __init__(
        self,
        process: _process.Process,
        arguments: dict[str, Any],
        paths: frozenset[str],
        middleware: list[Middleware],
        attached: Attached | None = None,
        owner: Callable[[], Renewing | None] = no_owner,
    ) -> None:
        self._owner = owner
        self.lazy: bool = arguments["lazy"]
        self._addresses: list[str] = arguments["addresses"]
        self.address = ", ".join(self._addresses)
        self._process = process
        self._driver = process.driver
        self._paths = paths
        self._middleware = middleware
        self._dropped = Dropped(self.address)
        self._listeners = Listeners()
        # So that what nobody refers to any more does not stay connected.
        ids: list[int] = []
        self._endings: list[Callable[[], object]] = [] if attached is None else [attached.stop]
        self._finalizer = weakref.finalize(self, _close, self._driver, ids, self._endings)
        if attached is not None:
            arguments["serves"] = attached.start_attached()
        self._finalizer.atexit = False
        keep_result(ids, self._driver.connect, arguments)
        self._id = ids[0]
        self.generation = self._driver.generation(self._id)
        self._descriptions = Descriptions(self.generation)
        process.clients[self._id] = self

    def wait_until_ready(self) -> None:
        self._driver.wait_client(self._id)

    def methods(self) -> list[str]:
        return self._driver.methods(self._id)

    def caller(self, name: str, options: CallOptions) -> Callable[..., Any]:
        number = self._driver.intern_method(self._id, name)
        return self._around(name, options, lambda options: self._caller(name, number, options))

    def call(self, name: str, options: CallOptions, args: Iterable[Any], kwargs: Mapping[str, Any]) -> Any:
        # Any name that a user gives: what the service does not offer is not kept.
        number = self._driver.find_method(self._id, name)
        return self._around(name, options, lambda options: self._caller(name, number, options))(*args, **kwargs)

    def _around(self, name: str, options: CallOptions, make: MakeCaller) -> Callable[..., Any]:
        if not self._middleware:
            return make(options)
        kind = SubmittedMiddlewareCaller if options.flags & _native.SUBMIT else BlockingMiddlewareCaller
        return kind(self.address, name, options, make, self._middleware)

    def _caller(self, name: str, number: int, options: CallOptions) -> _native.Caller:
        callbacks = (self.help, self._guard, self._dropped.add, error_of)
        owner = self._owner()
        renew = None if owner is None else lambda: owner.renewed_caller(name, options)
        return _native.Caller(self._driver, self._id, number, name, options.native(), callbacks, 0, 0, renew)

    def plain_caller(self, name: str, options: CallOptions) -> _native.Caller:
        """Without middleware."""
        return self._caller(name, self._driver.intern_method(self._id, name), options)

    def status(self) -> dict[str, Any]:
        return self._driver.client_status(self._id, self._addresses)

    def describe(self, options: CallOptions) -> dict[str, Any]:
        generation = self.generation.value
        number = self._driver.intern_method(self._id, _native.DESCRIBE)
        ask = self._caller(_native.DESCRIBE, number, options.as_awaited())
        return self._descriptions.keep(ask(), generation)

    def listen(self, listener: StateListener) -> Callable[[], None]:
        self._driver.check_process()
        self._process.listen()
        self._process.teller.start()
        return self._listeners.add(listener, self._driver.last_event())

    def on_state(self, state: str, code: str, message: str, number: int) -> None:
        self._process.teller.tell(self._listeners, state, code, message, number)

    def close(self) -> None:
        self._finalizer()

    def end_with_it(self, stop: Callable[[], object]) -> None:
        """Called when this is closed, or dropped: maybe by a finaliser. It must not refer to this."""
        self._endings.append(stop)

    def _guard(self) -> None:
        _local_loops.check(self._paths)

    def help(self, name: str) -> tuple[str, Any]:
        # What help() and inspect ask a method for.
        while (found := self._descriptions.help_of(name)) is None:  # again if the service has changed meanwhile
            try:
                self.describe(_HELP_TIMEOUT)
            except IpcError as error:
                return f"(the service cannot be asked for its documentation: {error})", None
        return found


def _close(driver: _native.BlockingDriver, client_ids: list[int], endings: list[Callable[[], object]]) -> None:
    for client_id in client_ids:
        with suppress(IpcError):  # a forked child, or the end of the interpreter
            driver.close_client(client_id)
            driver.forget_client(client_id)
    for stop in endings:
        with suppress(IpcError):
            stop()


_attach: list[Callable[[_process.Process, Any, str], Attached]] = []


def attach_with(make: Callable[[_process.Process, Any, str], Attached]) -> None:
    """What makes a server of what a client serves, which is above this module."""
    _attach.append(make)


class Proxy(BaseProxy):
    """A service at the other end: call its functions as methods. Closed by `with`, close(), or when dropped."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        parts(self)[0].close()


def connect(
    address: str | Iterable[str],
    *,
    connect_timeout: Seconds = 10,
    max_queued_bytes: int = MAX_QUEUED_BYTES,
    limits: Mapping[str, int] | None = None,
    allow: Iterable[Allow] | None = None,
    serve: Any = None,
    name: str = "",
    middleware: GivenMiddleware = None,
    reconnect_after_fork: bool = False,
    lazy: bool = False,
) -> Proxy:
    """Connects to a service and returns a proxy for it; waits until it appears.

    `address` is a local name, `shm:///path`, `unix:///path`, or a list over which calls are balanced.
    `connect_timeout` is in seconds or a timedelta: None waits for ever, 0 tries once. The same time is
    allowed when the connection is lost later: calls wait that long for the service to come back.
    `max_queued_bytes` bounds what waits on this side; callers then wait for room. `limits` may hold
    max_message_bytes, max_pending_bytes and max_pending_calls, and stream_window_items and stream_window_bytes: how far
    each stream that arrives may be ahead of its reader. `allow` names users other than this one
    that may be serving: uids, user names, 'group:NAME'. `serve` is what the service may call here, exposed
    as serve() exposes it; `name` is what it is told of who connects. `middleware` is a function of a call and of what
    comes next, or a list of such, the first of which is the outermost. With `reconnect_after_fork` a forked child
    connects anew with its first use; otherwise what the parent has connected is refused there. With `lazy` it returns
    at once, and the first call connects, for which `connect_timeout` begins: until the service has been heard of, its
    methods are whatever is asked for.

    Raises Unavailable when nobody serves there in time. Any thread; Ctrl-C ends the wait.
    """
    try:
        arguments = connect_arguments(address, connect_timeout, max_queued_bytes, limits, allow, name, lazy)
        paths = frozenset(map(_native.socket_path, arguments["addresses"]))
        _local_loops.check(paths)
        functions = middleware_list(middleware)

        def open_client(owner: Callable[[], Renewing | None] = no_owner) -> Client:
            process = _process.current()
            attached = None if serve is None else _attach[0](process, serve, name)
            client = Client(process, dict(arguments), paths, functions, attached, owner)
            try:
                if not lazy:
                    client.wait_until_ready()
            except BaseException:
                client.close()
                raise
            return client

        if not reconnect_after_fork:
            return Proxy(open_client())
        from .inherited import InheritedClient

        return Proxy(InheritedClient(open_client))
    except BaseException as error:
        leave_one_frame(error)
        raise


def call(proxy: Proxy, name: str, args: Iterable[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
    """Calls any method by its name, also one that no attribute can reach. Raises as the method does."""
    try:
        client, options, full = parts_of_call(proxy, name, args)
        return client.call(full, options, args, kwargs or {})
    except BaseException as error:
        leave_one_frame(error)
        raise


def describe(proxy: Proxy) -> dict[str, Any]:
    """What the service tells of itself: {"service", "methods": {name: {"signature", "doc", "params", "async"}}}."""
    try:
        client, options, _prefix = parts(proxy)
        described: dict[str, Any] = client.describe(options)
        return described
    except BaseException as error:
        leave_one_frame(error)
        raise
