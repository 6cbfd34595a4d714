"""What one does with a proxy or a server: for both APIs alike where nothing waits, and the blocking close()."""

from __future__ import annotations

from _collections_abc import Callable, Iterable, Mapping

from ._client.client import Proxy
from ._client.proxy import BaseProxy, parts
from ._errors import IpcError
from ._options import UNSET, Seconds, Unset
from ._process.listeners import StateListener
from ._serve.server import Server
from ._shown import shown
from ._tracebacks import leave_one_frame
from ._typing import Any, Protocol, TypeVar, cast

P = TypeVar("P", bound="BaseProxy | Callable[..., Any]")  # of functions those of the other side's


class Watched(Protocol):
    """A server of either API."""

    def listen(self, listener: StateListener) -> Callable[[], None]: ...


def with_options(
    proxy: P,
    *,
    timeout: Seconds | Unset = UNSET,
    metadata: Mapping[str, Any] | Unset | None = UNSET,
    idempotent: bool | None = None,
    wait_for_ready: bool | None = None,
    idle_timeout: Seconds | Unset = UNSET,
    pass_on: Iterable[str] | None = None,
) -> P:
    """The same service, called with these options; what is not given stays as it is.

    `timeout` is in seconds or a timedelta, None for ever, 0 fails at once; the call then raises
    DeadlineExceeded and the handler is told. It holds for the streams of the result, too, until they end, and
    `idle_timeout` for each item that one waits for. `metadata`, a mapping with string keys, is what the handler
    finds in context().metadata; those named in `pass_on` are carried on by the calls that the handler makes.
    `idempotent=True` says that a call may run twice: it is repeated when its connection is lost, instead of failing.
    `wait_for_ready=False` fails at once while there is no connection.
    """
    try:
        remote, options, prefix = parts(proxy)
        new = options.replace(timeout, metadata, idempotent, wait_for_ready, idle_timeout, pass_on)
        return cast("P", type(cast("Any", proxy))(remote, new, prefix))
    except BaseException as error:
        leave_one_frame(error)
        raise


def notify(proxy: P) -> P:
    """The same service, called without waiting for an answer.

    Methods return, or awaited give, whether the notification was taken: False when the queue was full, or when nobody
    was there and `wait_for_ready` is False; status() counts those. What the handler raises is not told. Raises
    IpcError for what is wrong with the call itself.
    """
    try:
        remote, options, prefix = parts(proxy)
        return cast("P", type(cast("Any", proxy))(remote, options.as_notification(), prefix))
    except BaseException as error:
        leave_one_frame(error)
        raise


def submit(proxy: Proxy) -> Proxy:
    """The same service, whose methods return at once a concurrent.futures.Future each: many calls in flight.

    result(), callbacks, as_completed() and wait() are those of any such future; cancel() cancels the handler. Methods
    wait only where too many calls are on their way, for room.
    """
    try:
        given: object = proxy
        remote, options, prefix = parts(proxy)
        if not isinstance(given, Proxy):
            raise IpcError("invalid_argument", "submit() is for connect() of ipcbridge: calls of aio are futures")
        from ._client import submitted  # what it imports takes long

        submitted.start_collecting()
        return type(proxy)(remote, options.as_submitted(), prefix)
    except BaseException as error:
        leave_one_frame(error)
        raise


def status(of: Any) -> dict[str, Any]:
    """How a proxy's connection or a server is doing.

    Of a proxy: state, address, transport ('shm', 'unix', 'inproc'), fallback_reason, peer_pid and peer_uid, all
    four None where there is nothing to say; over shared memory, from what can be seen of a service that answers
    nothing, unread_bytes (sent, and not read by it) and busy: {'method', 'seconds'} of what it has been doing for
    long, or None; running_calls, calls of the service to functions, objects and methods of this side that are not
    answered yet; open_streams of either side; stalled_streams: {'count', 'seconds'} of those of this side that make no
    items until the other side has read, the seconds of the one that has waited longest, or None; awaited_streams, those
    of the other side of which all that has come is read; then pending_calls, queued_calls, queued_bytes and
    dropped_notifications; and links, which tell of each address of the list what comes before those, and in place of
    one that servers share ('calc') of each of them that it is connected to ('calc@2').
    Of a server: state, address, path, connections, running_calls, pending_calls (calls to its clients), the three of
    streams, and more.
    """
    if isinstance(of, BaseProxy):
        return cast("dict[str, Any]", parts(of)[0].status())
    ask = getattr(of, "status", None)
    if ask is None:
        raise IpcError("invalid_argument", f"expected a proxy or a server, not {type(of).__name__}")
    return cast("dict[str, Any]", ask())


def on_state(of: BaseProxy | Watched, listener: StateListener) -> Callable[[], None]:
    """Calls `listener(state, reason)` at each change of state from now on; returns what ends that.

    `reason` is an IpcError, or None where there is nothing to say. Of a proxy: 'connecting', 'ready', 'reconnecting',
    'disconnected' (the next call tries again), 'closed'. Of a server: 'closing' (calls that have begun may finish,
    others are refused), 'closed'. In the blocking API the listener runs on a thread of its own, under asyncio on the
    loop. What it raises is logged.
    """
    if not callable(listener):
        raise IpcError("invalid_argument", f"on_state() takes a function, not {shown(listener)}")
    watched = parts(of)[0] if isinstance(of, BaseProxy) else of
    if not callable(getattr(watched, "listen", None)):
        raise IpcError("invalid_argument", f"expected a proxy or a server, not {type(of).__name__}")
    return cast("Callable[[], None]", watched.listen(listener))


def close(of: Proxy | Server | Callable[..., Any], grace: Seconds = 10) -> None:
    """Closes a connection, or a server, as Server.close(grace) does.

    A connection's calls in flight fail with 'cancelled', later ones with 'failed_precondition'. Of a function or object
    of the other side's it is release(). Does nothing when it is closed already.
    """
    try:
        if isinstance(of, Server):
            of.close(grace)
        else:
            parts(of)[0].close()
    except BaseException as error:
        leave_one_frame(error)
        raise
