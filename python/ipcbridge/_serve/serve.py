"""serve() of the blocking API."""

from __future__ import annotations

from _collections_abc import Iterable, Mapping

from .._middleware import GivenMiddleware
from .._options import Allow, Seconds
from .._process import process as _process
from .._tracebacks import leave_one_frame
from .._typing import TYPE_CHECKING, Any
from .failures import MapError, OnError
from .prepared import prepare
from .server import Server

if TYPE_CHECKING:
    from concurrent.futures import Executor


def serve(
    name: str,
    target: Any,
    *,
    threads: int = 8,
    serial: bool = False,
    executor: Executor | None = None,
    shared: bool = False,
    takeover: str = "wait",
    takeover_timeout: Seconds = 2,
    allow: Iterable[Allow] | None = None,
    mode: int = 0o600,
    limits: Mapping[str, int] | None = None,
    on_error: OnError | None = None,
    expose: Iterable[str] | None = None,
    middleware: GivenMiddleware = None,
    map_error: MapError | None = None,
    expose_errors: bool = True,
) -> Server:
    """Serves the functions of `target` under `name`; returns as soon as clients can connect.

    `target` is a mapping of callables, an instance (the methods of its class), a module (its `__all__`, else the
    functions defined in it) or a SimpleNamespace; nested ones are namespaces. Nothing that begins with an
    underscore is served, no property is evaluated, classes are refused. `expose` serves only what it names, methods
    (dotted in namespaces) and namespaces with all that is in them: `expose=["add", "math.mul", "files"]`.

    Handlers run on `threads` threads, or one call at a time (`serial=True`), or on `executor`. `async def`
    handlers run on an event loop that all servers of the process share, on a thread of its own.
    With `shared=True` other processes may serve the name beside this one, if they all say so: clients spread their
    calls over them.
    `takeover` says what happens when the name is taken: 'wait' for `takeover_timeout` seconds until it is
    free, 'fail', or 'replace' the other server. Serving a name again with the same copy of this library replaces.
    `allow` names users other than this one that may connect, `mode` is the socket file's. `limits` may hold
    max_message_bytes, max_pending_bytes and max_pending_calls; stream_window_items and stream_window_bytes, how far
    each stream among the arguments may be ahead of the handler that reads it; and max_bytes_per_user, which bounds what
    all connections of a user together make the service keep. What a handler raises unexpectedly goes to
    `on_error(exception, method)`, or else to the logger 'ipcbridge'; the caller gets it as a RemoteError.
    `map_error(exception, method)` may give another exception in place of what a handler has raised, and
    `expose_errors=False` keeps tracebacks, attributes and causes here. `middleware` is a function of a call and of what
    comes next, or a list of such, the first of which is the outermost.

    Raises IpcError: 'already_exists' when the name stays taken, 'invalid_argument', 'permission_denied'.
    """
    try:
        prepared = prepare(
            name,
            target,
            threads,
            serial,
            executor,
            shared,
            takeover,
            takeover_timeout,
            allow,
            mode,
            limits,
            on_error,
            expose,
            middleware,
            map_error,
            expose_errors,
        )
        server = Server(_process.current(), prepared.service, prepared.threads, executor)
        server.start(prepared.arguments)
        return server
    except BaseException as error:
        leave_one_frame(error)
        raise
