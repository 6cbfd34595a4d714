"""What an exception carries besides its message."""

from __future__ import annotations

from _collections_abc import Mapping

from .._errors import IpcError, RemoteError
from .._native import encode_result
from .._typing import Any
from ._error_names import message_of

_OF_BUILTINS: tuple[tuple[type[BaseException], tuple[str, ...]], ...] = (
    (OSError, ("errno", "strerror", "filename")),
    (UnicodeError, ("reason", "start", "end")),
    (ImportError, ("name",)),
    (SystemExit, ("code",)),
)
# What travels by itself.
_OF_ERRORS = frozenset({"code", "details", "sent", "message"})
_OF_REMOTE_ERRORS = _OF_ERRORS | {"type", "remote_traceback", "attributes", "errors"}


def attributes_of(error: BaseException) -> dict[str, Any]:
    """By their names; nothing that begins with an underscore."""
    own: Mapping[str, Any] = vars(error)
    found = {name: value for name, value in own.items() if type(name) is str and not name.startswith("_")}
    if isinstance(error, RemoteError):
        given = found.get("attributes")
        found = {name: value for name, value in found.items() if name not in _OF_REMOTE_ERRORS}
        return {**(given if type(given) is dict else {}), **found}
    if isinstance(error, IpcError):
        return {name: value for name, value in found.items() if name not in _OF_ERRORS}
    if "remote_traceback" in found:  # of a registered class, as it arrived
        found = {name: value for name, value in found.items() if name not in ("remote_traceback", "code")}
    for kind, names in _OF_BUILTINS:
        if isinstance(error, kind):
            values = {name: getattr(error, name, None) for name in names}
            return {**{name: value for name, value in values.items() if value is not None}, **found}
    return found


class Room:
    """How many bytes of attributes all the errors of a payload may still have."""

    def __init__(self, most: int) -> None:
        self._left = most

    def encode(self, attributes: Mapping[str, Any]) -> tuple[bytes, list[str]]:
        """Those that can be sent, and why others were left out."""
        kept: dict[str, Any] = {}
        left_out: list[str] = []
        for name, value in attributes.items():
            try:
                size = len(encode_result({name: value}, "attributes"))
            except Exception as failure:  # of a property, too
                left_out.append(message_of(failure))
                continue
            if size > self._left:
                left_out.append(f"attributes.{name} takes {size} bytes, and {self._left} were left for attributes")
                continue
            self._left -= size
            kept[name] = value
        return (encode_result(kept, "attributes") if kept else b""), left_out
