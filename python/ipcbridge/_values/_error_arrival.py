"""The payload of an error reply to the exception that is raised here."""

from __future__ import annotations

from .._errors import CODES, Code, IpcError, RemoteError
from .._native import decode
from .._registered import make_registered
from .._typing import Any, cast
from ._error_stacks import HEADING, marked

_MAX_DEPTH = 16


def decode_error(data: bytes | memoryview) -> Exception:
    """The error that such a payload tells of: a RemoteError, or one of a class that was registered for its type. Never
    raises: a payload that cannot be read gives 'data_loss'."""
    try:
        payload = decode(data)
    except IpcError as failure:
        return RemoteError("data_loss", f"the other side sent an error that cannot be read: {failure}")
    if type(payload) is not dict:
        return RemoteError("data_loss", "the other side sent an error that cannot be read")
    return _rebuild(payload, 0)


def _rebuild(payload: dict[str, Any], depth: int) -> Exception:
    notes: list[str] = []
    details = _decoded(payload, "details", notes)
    attributes = _decoded(payload, "attributes", notes)
    if type(attributes) is not dict:
        attributes = {}
    note = _text(payload, "note")
    stack = _with_notes(_text(payload, "stack"), [*notes, *([] if note is None else [note])])
    given = _text(payload, "code")
    code = cast("Code", given if given in CODES else "unknown")
    error = _registered(payload, code, details, attributes, stack)
    if error is None:
        error = RemoteError(
            code,
            _text(payload, "message") or "",
            details,
            type=_text(payload, "type") or "Error",
            remote_traceback=stack,
            attributes=attributes,
            errors=_members(payload, depth),
        )
    if stack:
        # What Python 3.11 prints below the local traceback; the message itself stays the remote one.
        error.__dict__["__notes__"] = [f"{HEADING}\n{stack}"]
    cause = payload.get("cause")
    if type(cause) is dict and depth + 1 < _MAX_DEPTH:
        error.__cause__ = _rebuild(cause, depth + 1)
    return error


def _registered(
    payload: dict[str, Any], code: Code, details: Any, attributes: dict[str, Any], stack: str | None
) -> Exception | None:
    error = make_registered(_text(payload, "type") or "", _text(payload, "message") or "")
    if error is None:
        return None
    arrived: dict[str, Any] = dict(attributes)
    if isinstance(error, IpcError):
        arrived.update(code=code, details=details)
    for name, value in (("code", code), ("remote_traceback", stack)):
        if not hasattr(type(error), name):
            arrived.setdefault(name, value)
    error.__dict__.update(arrived)
    return error


def _members(payload: dict[str, Any], depth: int) -> tuple[Exception, ...]:
    members = payload.get("errors")
    if type(members) is not list or depth + 1 >= _MAX_DEPTH:
        return ()
    return tuple(_rebuild(each, depth + 1) for each in members if type(each) is dict)


def _text(payload: dict[str, Any], key: str) -> str | None:
    value = payload.get(key)
    return value if type(value) is str else None


def _decoded(payload: dict[str, Any], key: str, notes: list[str]) -> Any:
    """What is a value of its own within the payload, so that one that cannot be read costs only this."""
    encoded = payload.get(key)
    if type(encoded) is not bytes:
        return None
    try:
        return decode(encoded)
    except IpcError as failure:
        notes.append(f"{key} could not be decoded: {failure}")
        return None


def _with_notes(stack: str | None, notes: list[str]) -> str | None:
    if stack:
        stack = marked(stack.rstrip())
    for note in notes:
        stack = f"{stack}\n({note})" if stack else f"({note})"
    return stack
