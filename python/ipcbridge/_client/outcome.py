"""How a call that failed is raised."""

from __future__ import annotations

from .. import _native
from .._errors import Code, IpcError, RemoteError, error_from_code
from .._typing import cast
from .._values import decode_error, encode_error

_SAY_WHETHER_SENT = ("unavailable", "deadline_exceeded")


def error_of(code: str, message: str, payload: bytes | None, ending: int) -> Exception:
    """The exception for a call's outcome. `payload` is what the handler's side said of its exception."""
    if ending == _native.REMOTE_ERROR:
        return decode_error(payload) if payload else RemoteError(cast("Code", code), message)
    sent = ("maybe" if ending == _native.MAYBE_RUN else "no") if code in _SAY_WHETHER_SENT else None
    return error_from_code(cast("Code", code), message, sent=cast("None", sent))


def stream_failed(_call: None, _stage: int, error: BaseException, producer: _native.StreamProducer) -> None:
    """Ends a stream among a call's arguments by what its generator has raised, or by what cannot be sent."""
    expected = issubclass(type(error), IpcError)
    code = error.code if expected else "unknown"  # type: ignore[attr-defined]
    producer.end_with(_native.CODES.index(code) + 1, str(error), encode_error(error))


_native.use_stream_errors(error_of, stream_failed)
