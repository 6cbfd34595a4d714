"""What others may call of this process."""

from __future__ import annotations

from ipcbridge._references import owned


def shared() -> int:
    """How many functions and objects they may call."""
    return sum(each.count() for owners in owned._owners for each in owners())
