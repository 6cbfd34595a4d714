"""How a call that failed is raised."""

from __future__ import annotations

from .. import _native
from .._errors import Code, IpcError, RemoteError, error_from_code
from .._typing import cast
from .._values import decode_error

_SAY_WHETHER_SENT = ("unavailable", "deadline_exceeded")


def error_of(code: str, message: str, payload: bytes | None, ending: int) -> IpcError:
    """The exception for a call's outcome. `payload` is what the handler's side said of its exception."""
    if ending == _native.REMOTE_ERROR:
        return decode_error(payload) if payload else RemoteError(cast("Code", code), message)
    sent = ("maybe" if ending == _native.MAYBE_RUN else "no") if code in _SAY_WHETHER_SENT else None
    return error_from_code(cast("Code", code), message, sent=cast("None", sent))


_native.use_error_of(error_of)
