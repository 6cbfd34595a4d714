"""Exceptions to the payload of an error reply and back; docs/values.md has its layout."""

from __future__ import annotations

from .._errors import CODES, Code, IpcError, RemoteError
from .._native import decode, encode_result
from .._shown import bounded_text
from .._suppress import suppress
from .._typing import Any, cast

_MAX_CHAIN = 16
_MAX_DETAILS = 1024 * 1024

_class_name = vars(type)["__name__"].__get__


def encode_error(error: BaseException, *, stack: bool = True) -> bytes:
    """The payload that tells the caller of `error` and of what caused it. Never raises.

    `stack=False` leaves the stacks out, for peers on other machines.
    """
    payload: dict[str, Any] | None = None
    for link in reversed(_chain(error)):
        try:
            described = _describe(link, stack)
        except BaseException:  # attributes that raise, say
            described = {"type": name_of(link), "message": "(this exception cannot be described)", "code": "unknown"}
        if payload is not None:
            described["cause"] = payload
        payload = described
    return encode_result(payload)


def name_of(error: BaseException) -> str:
    """The name of its class, whatever that class makes of `__name__`."""
    return bounded_text(_class_name(type(error)))


def decode_error(data: bytes | memoryview) -> RemoteError:
    """The error that such a payload tells of. Never raises: a payload that cannot be read gives 'data_loss'."""
    try:
        payload = decode(data)
    except IpcError as failure:
        return RemoteError("data_loss", f"the other side sent an error that cannot be read: {failure}")
    if type(payload) is not dict:
        return RemoteError("data_loss", "the other side sent an error that cannot be read")
    return _rebuild(payload, _MAX_CHAIN)


def _chain(error: BaseException) -> list[BaseException]:
    """The error, what caused it, and so on, as far as that can be followed."""
    chain = [error]
    with suppress(BaseException):  # a class may override these attributes, and raise
        while len(chain) < _MAX_CHAIN:
            last = chain[-1]
            following = last.__cause__
            if following is None and not last.__suppress_context__:
                following = last.__context__
            if following is None or any(following is seen for seen in chain):
                break
            chain.append(following)
    return chain


def _describe(error: BaseException, stack: bool) -> dict[str, Any]:
    described: dict[str, Any] = {"type": name_of(error), "message": _message(error), "code": "unknown"}
    if isinstance(error, IpcError):
        described["code"] = error.code if error.code in CODES else "unknown"
    if isinstance(error, RemoteError):  # a handler that passes on what its own callee raised
        described["type"] = bounded_text(error.type)
    try:
        details = _details(error)
        if details is not None:
            encoded = encode_result(details, "details")
            if len(encoded) > _MAX_DETAILS:
                raise IpcError("out_of_range", f"they take more than {_MAX_DETAILS} bytes")
            described["details"] = encoded
    except Exception as failure:
        described["note"] = f"details were left out: {_message(failure)}"
    if stack:
        described["stack"] = _stack(error)
    return described


def _details(error: BaseException) -> Any:
    if isinstance(error, IpcError) and error.details is not None:
        return error.details
    members = getattr(error, "exceptions", None)
    if not isinstance(members, tuple):
        return None
    inner = [member for member in members if isinstance(member, BaseException)][:_MAX_CHAIN]  # of an ExceptionGroup
    return {"errors": [{"type": name_of(each), "message": _message(each)} for each in inner]}


def _message(error: BaseException) -> str:
    try:
        # The str() of a RemoteError without a message is its type, which travels by itself.
        return bounded_text(IpcError.__str__(error) if isinstance(error, RemoteError) else error)
    except Exception as failure:
        return f"(a {name_of(error)} whose str() raised {name_of(failure)})"


def _stack(error: BaseException) -> str:
    try:
        import traceback  # takes long, and is for failures only

        text = "".join(traceback.format_exception(type(error), error, error.__traceback__, chain=False))
    except Exception as failure:
        text = f"(the traceback could not be formatted: {name_of(failure)})"
    if isinstance(error, RemoteError) and error.remote_traceback:
        text = f"{error.remote_traceback}\n\nPassed on by:\n{text}"
    return bounded_text(text)


def _rebuild(payload: dict[str, Any], links: int) -> RemoteError:
    def text(key: str) -> str | None:
        value = payload.get(key)
        return value if type(value) is str else None

    given = payload.get("code")
    code = cast("Code", given if type(given) is str and given in CODES else "unknown")
    note, stack = text("note"), text("stack")
    details: Any = None
    encoded = payload.get("details")
    if type(encoded) is bytes:
        try:
            details = decode(encoded)
        except IpcError as failure:
            note = f"details could not be decoded: {failure}"
    if note is not None:
        stack = f"{stack}\n({note})" if stack else f"({note})"
    error = RemoteError(code, text("message") or "", details, type=text("type") or "Error", remote_traceback=stack)
    if stack:
        # What Python 3.11 prints below the local traceback; the message itself stays the remote one.
        error.__dict__["__notes__"] = [f"Remote traceback:\n{stack}"]
    cause = payload.get("cause")
    if type(cause) is dict and links > 1:
        error.__cause__ = _rebuild(cause, links - 1)
    return error
