"""How a call that failed is raised."""

from __future__ import annotations

from typing import cast

from .._errors import Code, IpcError, RemoteError, error_from_code
from .._values import decode_error

# Who says how a call ended; core/rpc/message.hpp has the same numbers.
REMOTE_ERROR = 1
NOT_RUN = 2
MAYBE_RUN = 3


def error_of(code: str, message: str, payload: bytes | None, ending: int) -> IpcError:
    """The exception for a call's outcome. `payload` is what the handler's side said of its exception."""
    if ending == REMOTE_ERROR:
        return decode_error(payload) if payload else RemoteError(cast("Code", code), message)
    sent = ("maybe" if ending == MAYBE_RUN else "no") if code == "unavailable" else None
    return error_from_code(cast("Code", code), message, sent=cast("None", sent))
