"""What a handler can learn about the call that it is answering."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from . import _native
from ._errors import IpcError
from ._values import decode


class Context:
    """The call that a handler is answering. Valid until the handler returns; any thread."""

    __slots__ = ("_deadline", "_is_cancelled", "_is_notification", "_metadata", "_server", "method")

    method: str
    """The name under which the handler was called."""

    def __init__(
        self,
        server: object,
        method: str,
        metadata: bytes,
        deadline: float | None,
        is_cancelled: Callable[[], bool],
        is_notification: bool,
    ) -> None:
        self._server: object = server
        self._is_notification = is_notification
        self.method = method
        self._metadata = metadata
        self._deadline = deadline
        self._is_cancelled = is_cancelled

    @property
    def metadata(self) -> dict[str, Any]:
        """What the caller gave to with_options(metadata=...); a new dict each time."""
        metadata = decode(self._metadata) if self._metadata else {}
        if type(metadata) is not dict:
            raise IpcError("data_loss", f"the caller sent metadata that are no mapping but a {type(metadata).__name__}")
        return metadata

    @property
    def deadline(self) -> float | None:
        """How many seconds the caller still waits, not below 0; None if for ever."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def cancelled(self) -> bool:
        """Whether the caller has stopped waiting: by cancelling, by its timeout, or by disappearing."""
        return self._is_cancelled()

    def __repr__(self) -> str:
        return f"<context of {self.method}()>"


of_task: ContextVar[Context] = ContextVar("ipcbridge.context")
"""Set where a handler runs apart from the thread that reads: in a task, or on a thread of a pool."""


class Worker(threading.local):
    """What a handler thread of the blocking API is working for."""

    server: object = None
    pump: _native.Pump | None = None
    names: list[str] = []  # noqa: RUF012 - never mutated


worker = Worker()


def context() -> Context:
    """The call that the calling handler is answering. IpcError('failed_precondition') outside of handlers."""
    found = of_task.get(None)
    if found is not None:
        return found
    request = _native.current_request()
    pump = worker.pump
    if request is None or pump is None:
        raise IpcError("failed_precondition", "context() is for handlers, while they answer a call")
    method, metadata, timeout_us, connection, call_id, is_notification = request
    key = (connection, call_id)
    return make_context(None, pump, worker.names[method], metadata, time_left(timeout_us), key, is_notification)


def time_left(timeout_us: int) -> float | None:
    """The seconds that are left of the timeout of what the calling thread is handling, which may have waited for it."""
    return None if timeout_us == 0 else (timeout_us - _native.current_age_us()) / 1e6


def make_context(
    server: object,
    pump: _native.Pump,
    method: str,
    metadata: bytes,
    left: float | None,
    key: tuple[int, int],
    is_notification: bool,
) -> Context:
    deadline = None if left is None else time.monotonic() + left
    return Context(server, method, metadata, deadline, lambda: pump.cancelled(*key), is_notification)


def is_in_handler_of(server: object) -> bool:
    """Whether a handler of that server waits for the calling code."""
    found = of_task.get(None)
    if found is not None:
        return found._server is server
    return worker.server is server and _native.current_request() is not None


def end_context(context: Context) -> None:
    """Its handler has returned: nothing that it has started belongs to it any more."""
    context._server = None
