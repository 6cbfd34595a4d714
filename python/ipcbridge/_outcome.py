"""How a call that failed is raised."""

from __future__ import annotations

from typing import cast

from ._errors import Code, IpcError, RemoteError, error_from_code
from ._values import decode_error


def error_of(
    code: str, message: str, payload: bytes | None, sent_maybe: bool, remote: bool, not_started: bool
) -> IpcError:
    """The exception for a call's outcome. `payload` is what the handler's side said of its exception."""
    if payload:
        return decode_error(payload)
    if remote and not not_started:
        return RemoteError(cast("Code", code), message)
    sent = ("maybe" if sent_maybe else "no") if code == "unavailable" else None
    return error_from_code(cast("Code", code), message, sent=cast("None", sent))
