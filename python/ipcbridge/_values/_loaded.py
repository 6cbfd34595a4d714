"""Classes of packages that may not be there: looked up among the modules that are loaded, and never imported."""

from __future__ import annotations

import sys

from .._typing import Any


def instance_of(value: object, module: str, *names: str) -> bool:
    """Whether `value` is an instance of one of the classes of that module."""
    loaded = sys.modules.get(module)
    if loaded is None:
        return False
    # Not by getattr(), for which some packages import more.
    members = vars(loaded)
    return isinstance(value, tuple(each for name in names if isinstance(each := members.get(name), type)))


def is_attrs(kind: type) -> bool:
    """Whether that is a class that attrs has made."""
    return "attr" in sys.modules and isinstance(getattr(kind, "__attrs_attrs__", None), tuple)


def is_msgspec(value: Any) -> bool:
    """Whether that is an instance of a msgspec.Struct."""
    return instance_of(value, "msgspec", "Struct")
