"""What a later release brings. Until then it is refused with 'unimplemented', and these are the reasons given."""

from __future__ import annotations

EXCEPTIONS = "exceptions as values come in a later release"
