"""What others may read and set of an object that was passed to them, besides calling its methods."""

from __future__ import annotations

from .._errors import IpcError
from .._shown import shown
from .._typing import Any


def attribute_of(target: Any, name: object) -> Any:
    """The value of an attribute that is no method."""
    checked = _check(name)
    try:
        value = getattr(target, checked)
    except AttributeError:
        raise IpcError("not_found", f"this {type(target).__name__} has no attribute {checked!r}") from None
    if callable(value):
        raise IpcError("permission_denied", f"{checked!r} is a method, not an attribute: call it")
    return value


def set_attribute_of(target: Any, name: object, value: Any) -> None:
    checked = _check(name)
    attribute_of(target, checked)  # which there is, and no method
    try:
        setattr(target, checked, value)
    except AttributeError as error:  # of a property without a setter, a tuple with names, a frozen dataclass
        raise IpcError("permission_denied", f"the attribute {checked!r} cannot be set: {error}") from None


def _check(name: object) -> str:
    if not isinstance(name, str):
        raise IpcError("invalid_argument", f"the name of an attribute is a string, not {shown(name)}")
    if name.startswith("_"):
        raise IpcError("permission_denied", f"the attribute {name!r} is private: it begins with _")
    return name
