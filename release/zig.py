"""The compiler, which is a Python package like another."""

from __future__ import annotations

from pathlib import Path

import ziglang


def zig() -> Path:
    return library().parent / "zig"


def library() -> Path:
    """Where it keeps the sources of what it links in, with their licences."""
    return Path(ziglang.__file__).parent / "lib"
