"""What is told of an exception, whatever its class makes of it."""

from __future__ import annotations

from .._errors import IpcError, RemoteError, class_name
from .._shown import bounded_text


def name_of(error: BaseException) -> str:
    """The name of its class, whatever that class makes of `__name__`."""
    return bounded_text(class_name(type(error)))


def message_of(error: BaseException) -> str:
    try:
        # The str() of a RemoteError without a message is its type, which travels by itself.
        return bounded_text(IpcError.__str__(error) if isinstance(error, RemoteError) else error)
    except Exception as failure:
        return f"(a {name_of(error)} whose str() raised {name_of(failure)})"
