"""How a wrong value is shown in a message."""

from __future__ import annotations

from ._errors import class_name

_MOST = 100


def shown(value: object) -> str:
    """Its repr(), shortened. Never raises: an integer of thousands of digits has none, and a user's may fail."""
    try:
        text = repr(value)
    except Exception:
        if type(value) is int:
            return f"an integer of {value.bit_length()} bits"
        return f"a {class_name(type(value))} that cannot be shown"
    return text if len(text) <= _MOST else f"{text[: _MOST - 3]}..."
