"""Why a value cannot be sent, and where it stands: made by the encoder when it refuses one."""

from __future__ import annotations

import json

from .._errors import Code, IpcError
from .._typing import Any

_MAX_KEY = 60
"""How many characters of a dict's key a path shows."""


class Refused(Exception):
    """A value has no form on the wire: 'unimplemented' if a later release brings one."""

    def __init__(self, reason: str, *, code: Code = "invalid_argument") -> None:
        super().__init__(reason)
        self.code: Code = code


_Step = tuple[int, Any, object]
_INDEX, _MEMBER, _KEY, _ELEMENT = range(4)


def explain(root: str, reason: Refused | str, too_deep: bool, steps: list[_Step], code: Code) -> IpcError:
    """The error to raise. A step into a value is its kind, a number or a dict's key, and the object that it is into."""
    path = [_text_of(kind, key) for kind, key, _ in steps]
    if too_deep:
        return _too_deep(root, str(reason), path, [id(holder) for _, _, holder in steps])
    if isinstance(reason, Refused):
        code = reason.code
    error = IpcError(code, f"{root}{''.join(path)} cannot be sent: {reason}")
    if isinstance(reason, Refused):
        error.__cause__ = reason.__cause__
    return error


def _too_deep(root: str, reason: str, path: list[str], holders: list[int]) -> IpcError:
    seen: dict[int, int] = {}
    for level, holder in enumerate(holders):
        first = seen.setdefault(holder, level)
        if first != level and holder != id(None):
            again, before = root + "".join(path[:level]), root + "".join(path[:first])
            return IpcError("invalid_argument", f"{again} refers back to {before}: a cycle cannot be sent")
    return IpcError("invalid_argument", f"{root}{''.join(path[:4])}... is {reason}")


def _text_of(kind: int, key: Any) -> str:
    if kind == _MEMBER:
        return _member(key)
    return f"[{key}]" if kind == _INDEX else f"<key {key}>" if kind == _KEY else f"<element {key}>"


def _member(key: Any) -> str:
    if type(key) is str:
        text = key if len(key) <= _MAX_KEY else f"{key[:_MAX_KEY]}..."
        return f".{text}" if key.isidentifier() else f"[{json.dumps(text, ensure_ascii=False)}]"
    if type(key) is int and key.bit_length() > 64:  # which str() may refuse, and nobody would read
        return f"[an integer of {key.bit_length()} bits]"
    return f"[{key!r}]" if type(key) in (int, bool, float, type(None)) else f"[a {type(key).__name__} key]"
