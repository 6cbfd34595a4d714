"""What a handler can learn about the call that it is answering."""

from __future__ import annotations

import time
from _collections_abc import Callable

from .. import _native
from .._errors import IpcError
from .._metadata import read_metadata
from .._typing import Any
from .cancellation import Cancellation


class Peer:
    """The process at the other end of a connection: `pid`, `uid`, `name`, `language`; None for what is not known.

    The name is what it has given itself at connect(); the language is 'javascript', 'python' or 'c++'.
    """

    __slots__ = ("_connection", "_driver", "language", "name", "pid", "uid")

    def __init__(
        self, driver: Any, connection: int, pid: int | None, uid: int | None, name: str | None, language: str | None
    ) -> None:
        self._driver = driver
        self._connection = connection
        self.pid = pid
        self.uid = uid
        self.name = name
        self.language = language

    @property
    def remote(self) -> Any:
        """What it offers with connect(serve=...): the same as in the server's `peers`."""
        return _remotes[type(self._driver)](self._driver, self._connection)

    def __repr__(self) -> str:
        return f"<peer {self.name or ''} pid {self.pid} uid {self.uid} {self.language}>"


_remotes: dict[type, Callable[[Any, int], Any]] = {}


def use_remotes(driver: type, remote: Callable[[Any, int], Any]) -> None:
    """`remote(driver, connection)` is what calls the other side of a connection, for drivers of this type."""
    _remotes[driver] = remote


class Context:
    """The call that a handler is answering; any thread."""

    __slots__ = ("_call",)

    def __init__(self, call: _native.InboundCall) -> None:
        self._call = call

    @property
    def method(self) -> str:
        """The name under which the handler was called."""
        return self._call.method

    @property
    def metadata(self) -> dict[str, Any]:
        """What the caller gave to with_options(metadata=...); a new dict each time."""
        return read_metadata(self._call.metadata).values

    @property
    def deadline(self) -> float | None:
        """How many seconds the caller still waits, not below 0; None if for ever."""
        deadline = self._call.deadline
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    @property
    def peer(self) -> Peer:
        """Who has called. Raises IpcError('unavailable') when the connection has ended."""
        connection, _ = self._call.key
        known = self._call.driver.peer(connection)
        if known is None:
            raise IpcError("unavailable", "the caller's connection has ended")
        return Peer(self._call.driver, *known)

    def cancelled(self) -> bool:
        """Whether the caller has stopped waiting: by cancelling, by its timeout, or by disappearing."""
        return self._call.cancelled()

    @property
    def cancellation(self) -> Cancellation:
        """What a handler that blocks can wait on, as on a threading.Event."""
        return Cancellation(self._call)

    def __repr__(self) -> str:
        return f"<context of {self.method}()>"


def context() -> Context:
    """The call that the calling handler is answering. IpcError('failed_precondition') outside of handlers."""
    call = _native.current_call()
    if call is None:
        raise IpcError("failed_precondition", "context() is for handlers, while they answer a call")
    return Context(call)


def is_in_handler_of(server: object) -> bool:
    """Whether a handler of that server waits for the calling code."""
    call = _native.current_call()
    return call is not None and call.server is server
