"""Exceptions to the payload of an error reply; docs/values.md has its layout."""

from __future__ import annotations

from .._errors import CODES, IpcError, RemoteError
from .._native import encode_result
from .._registered import registered_name
from .._shown import bounded_text
from .._suppress import suppress
from .._typing import Any
from ._error_attributes import Room, attributes_of
from ._error_names import message_of, name_of
from ._error_stacks import remote_stack_of, stack_of

_MAX_DEPTH = 16
_MAX_MEMBERS = 16
_MAX_ERRORS = 64
_MAX_DETAILS = 1024 * 1024


def encode_error(error: BaseException, *, exposed: bool = True) -> bytes:
    """The payload that tells the caller of `error`, of what caused it and of the members of a group. Never raises.

    `exposed=False` keeps all but type, message, code and details at home: for peers that are not to know more.
    """
    return encode_result(_Payload(exposed).of(error, 0))


class _Payload:
    """One payload, in which all the errors share what there is room for."""

    def __init__(self, exposed: bool) -> None:
        self._exposed = exposed
        self._left = _MAX_ERRORS
        self._room = Room(_MAX_DETAILS)
        self._path: list[BaseException] = []  # from the error that was raised to the one that is described

    def of(self, error: BaseException, depth: int) -> dict[str, Any]:
        self._left -= 1
        try:
            described = self._describe(error)
        except BaseException:  # attributes that raise, say
            described = {"type": name_of(error), "message": "(this exception cannot be described)", "code": "unknown"}
        if not self._exposed:
            return described
        self._path.append(error)
        with suppress(BaseException):  # a class may override what leads to other errors, and raise
            self._add_others(described, error, depth + 1)
        self._path.pop()
        return described

    def _add_others(self, described: dict[str, Any], error: BaseException, depth: int) -> None:
        cause = error.__cause__
        if cause is None and not error.__suppress_context__:
            cause = error.__context__
        if cause is not None and self._has_room_for(cause, depth):
            described["cause"] = self.of(cause, depth)
        errors = []
        for member in _members(error)[:_MAX_MEMBERS]:
            if self._has_room_for(member, depth):
                errors.append(self.of(member, depth))
        if errors:
            described["errors"] = errors

    def _has_room_for(self, error: BaseException, depth: int) -> bool:
        return depth < _MAX_DEPTH and self._left > 0 and not any(error is each for each in self._path)

    def _describe(self, error: BaseException) -> dict[str, Any]:
        described: dict[str, Any] = {"type": _type_of(error), "message": message_of(error), "code": _code_of(error)}
        notes: list[str] = []
        try:
            if isinstance(error, IpcError) and error.details is not None:
                described["details"] = _encode_details(error.details)
        except Exception as failure:
            notes.append(f"details were left out: {message_of(failure)}")
        if self._exposed:
            described["language"] = "python"
            try:
                attributes, left_out = self._room.encode(attributes_of(error))
                if attributes:
                    described["attributes"] = attributes
                notes.extend(f"left out: {each}" for each in left_out)
            except Exception as failure:
                notes.append(f"attributes were left out: {message_of(failure)}")
            described["stack"] = stack_of(error)
        if notes:
            described["note"] = bounded_text("; ".join(notes))
        return described


def _type_of(error: BaseException) -> str:
    if isinstance(error, RemoteError):  # a handler that passes on what its own callee raised
        return bounded_text(error.type)
    return bounded_text(registered_name(error) or name_of(error))


def _code_of(error: BaseException) -> str:
    code: Any = "unknown"
    if isinstance(error, IpcError):
        code = error.code
    elif remote_stack_of(error) is not None:  # of a registered class, as it arrived
        code = vars(error).get("code")
    return code if type(code) is str and code in CODES else "unknown"


def _members(error: BaseException) -> list[BaseException]:
    """Of an ExceptionGroup, or of one that arrived."""
    members = error.errors if isinstance(error, RemoteError) else getattr(error, "exceptions", None)
    if not isinstance(members, (tuple, list)):
        return []
    return [member for member in members if isinstance(member, BaseException)]


def _encode_details(details: Any) -> bytes:
    encoded = encode_result(details, "details")
    if len(encoded) > _MAX_DETAILS:
        raise IpcError("out_of_range", f"they take more than {_MAX_DETAILS} bytes")
    return encoded
