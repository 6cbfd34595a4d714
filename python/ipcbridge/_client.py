"""The blocking client."""

from __future__ import annotations

import contextlib
import logging
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import _local_loops, _native, _process
from ._describe import DESCRIBE, signature_from
from ._errors import IpcError
from ._options import MAX_QUEUED_BYTES, Allow, CallOptions, Seconds, connect_arguments, microseconds
from ._outcome import error_of
from ._proxy import BaseProxy, Proxies, parts
from ._server import Server
from ._values import decode, encode_args

if TYPE_CHECKING:
    from typing_extensions import Self

_HELP_TIMEOUT = CallOptions(timeout_us=microseconds(1.0, "timeout"))

StateListener = Callable[[str], object]


class Client:
    """A connection to a service, with whatever reconnections it needs. Any thread."""

    def __init__(self, process: _process.Process, client_id: int, address: str, paths: frozenset[str]) -> None:
        self.address = address
        self._process = process
        self._pump = process.pump
        self._id = client_id
        self._paths = paths
        self._listeners: list[StateListener] = []
        self._proxies = Proxies()
        self._offered: list[str] = []
        self._lock = threading.Lock()
        self._descriptions: dict[str, Any] | None = None
        # So that what nobody refers to any more does not stay connected.
        self._finalizer = weakref.finalize(self, _close, self._pump, client_id)
        self._finalizer.atexit = False
        _process.track_client(self)

    def methods(self) -> list[str]:
        # A thread that waits for news only for this would cost every client; whoever asks learns of changes.
        methods = self._pump.methods(self._id)
        if methods != self._offered:
            self._offered = methods
            self._proxies.update(methods)
        return methods

    def caller(self, name: str, options: CallOptions) -> _native.Caller:
        number = self._pump.intern_method(self._id, name)
        hooks = (encode_args, decode, self._error_of, self._help, self._guard)
        return _native.Caller(self._pump, self._id, number, name, options, hooks)

    def remember(self, proxy: BaseProxy) -> None:
        """Has the proxy forget members that are no longer offered."""
        self._proxies.add(proxy)

    def status(self) -> dict[str, Any]:
        return self._pump.client_status(self._id)

    def describe(self, options: CallOptions) -> dict[str, Any]:
        described: dict[str, Any] = self.caller(DESCRIBE, options)()
        self._descriptions = described.get("methods")
        return described

    def listen(self, listener: StateListener) -> Callable[[], None]:
        with self._lock:
            self._listeners.append(listener)
        self._process.observe_client(self._id, self)

        def unsubscribe() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    def on_state(self, state: str) -> None:
        self._descriptions = None  # another server may describe itself differently
        if state == "ready":
            self._look_again()
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener(state)
            except Exception:
                logging.getLogger("ipcbridge").exception("a listener of on_state() failed")

    def close(self) -> None:
        self._finalizer()

    def _look_again(self) -> None:
        with contextlib.suppress(IpcError):  # it has just been closed
            self.methods()

    def _error_of(self, *outcome: Any) -> BaseException:
        error = error_of(*outcome)
        if isinstance(error, IpcError) and error.code == "unimplemented":
            self._look_again()
        return error

    def _guard(self) -> None:
        _local_loops.check(self._paths)

    def _help(self, name: str) -> tuple[str, Any]:
        # What help() and inspect ask a method for.
        descriptions = self._descriptions
        if descriptions is None:
            try:
                descriptions = self.describe(_HELP_TIMEOUT).get("methods")
            except IpcError as error:
                return f"(the service cannot be asked for its documentation: {error})", None
        return help_of(descriptions, name)


def help_of(descriptions: Any, name: str) -> tuple[str, Any]:
    """The docstring and the signature of one method of a described service."""
    described = descriptions.get(name) if isinstance(descriptions, dict) else None
    if not isinstance(described, dict):
        return "(not documented)", None
    signature = signature_from(described)
    lines = [] if signature else [f"{name}{described.get('signature', '(...)')}"]
    doc = described.get("doc")
    return "\n\n".join([*lines, *([doc] if isinstance(doc, str) else [])]), signature


def _close(pump: _native.Pump, client_id: int) -> None:
    with contextlib.suppress(IpcError):  # a forked child, or the end of the interpreter
        pump.close_client(client_id)
        pump.forget_client(client_id)


class Proxy(BaseProxy):
    """A service at the other end: call its functions as methods. Closed by `with`, close(), or when dropped."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        close(self)


def connect(
    address: str | Iterable[str],
    *,
    connect_timeout: Seconds = 10,
    max_queued_bytes: int = MAX_QUEUED_BYTES,
    limits: Mapping[str, int] | None = None,
    allow: Iterable[Allow] | None = None,
) -> Proxy:
    """Connects to a service and returns a proxy for it; waits until it appears.

    `address` is a local name, `shm:///path`, `unix:///path`, or a list over which calls are balanced.
    `connect_timeout` is in seconds or a timedelta: None waits for ever, 0 tries once. The same patience is
    had when the connection is lost later: calls wait that long for the service to come back.
    `max_queued_bytes` bounds what waits on this side; callers then wait for room. `limits` may hold
    max_message_bytes, max_pending_bytes and max_pending_calls. `allow` names users other than this one
    that may be serving: uids, user names, 'group:NAME'.

    Raises Unavailable when nobody serves there in time. Any thread; Ctrl-C ends the wait.
    """
    arguments = connect_arguments(address, connect_timeout, max_queued_bytes, limits, allow)
    paths = frozenset(map(_native.socket_path, arguments["addresses"]))
    _local_loops.check(paths)
    process = _process.current()
    client_id = process.pump.connect(**arguments)
    try:
        process.pump.wait_client(client_id)
    except BaseException:
        _close(process.pump, client_id)
        raise
    return Proxy(Client(process, client_id, ", ".join(arguments["addresses"]), paths))


def call(proxy: Proxy, name: str, args: Iterable[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
    """Calls any method by its name, also one that no attribute can reach. Raises as the method does."""
    client, options, prefix = parts(proxy)
    return client.caller(prefix + name, options)(*args, **(kwargs or {}))


def close(of: Proxy | Server, grace: Seconds = 10) -> None:
    """Closes a connection, whose calls in flight fail with 'cancelled', or a server, as Server.close(grace) does.

    Does nothing when it is closed already.
    """
    if isinstance(of, Server):
        of.close(grace)
    else:
        parts(of)[0].close()
