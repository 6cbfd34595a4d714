"""How values and texts are shown in messages: shortened."""

from __future__ import annotations

from ._errors import class_name

_MOST = 100
_MAX_TEXT = 64 * 1024  # bytes


def shown(value: object) -> str:
    """Its repr(), shortened. Never raises: an integer of thousands of digits has none, and a user's may fail."""
    try:
        text = repr(value)
    except Exception:
        if type(value) is int:
            return f"an integer of {value.bit_length()} bits"
        return f"a {class_name(type(value))} that cannot be shown"
    return text if len(text) <= _MOST else f"{text[: _MOST - 3]}..."


def bounded_text(text: object) -> str:
    """What an exception says, as text that can be sent and logged: of 64 KiB at most, which leaves out the middle, and
    without the lone surrogates of odd file names."""
    whole = str(text)
    if len(whole) > _MAX_TEXT // 4:
        # Four bytes at most for a character. A traceback says the most at its ends.
        encoded = whole.encode("utf-8", "backslashreplace")
        if len(encoded) > _MAX_TEXT:
            half = _MAX_TEXT // 2 - 16
            return encoded[:half].decode("utf-8", "ignore") + "\n  [...]\n" + encoded[-half:].decode("utf-8", "ignore")
    return whole.encode("utf-8", "backslashreplace").decode()
