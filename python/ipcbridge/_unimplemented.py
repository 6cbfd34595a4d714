"""What a later release brings. Until then it is refused with 'unimplemented', and these are the reasons given."""

from __future__ import annotations

ARRAYS = "arrays come in a later release"
EXCEPTIONS = "exceptions as values come in a later release"
