"""What a service has told of its methods, for help() and inspect."""

from __future__ import annotations

from typing import Any

from . import _native
from ._describe import signature_from


class Descriptions:
    """Those of the service that a client is connected to now."""

    def __init__(self, generation: _native.Generation) -> None:
        self._generation = generation
        self._methods: Any = None
        self._described: int | None = None

    def keep(self, described: dict[str, Any], generation: int) -> None:
        """What describe() has brought, asked for at that generation."""
        self._methods, self._described = described.get("methods"), generation

    def help_of(self, name: str) -> tuple[str, Any] | None:
        """The docstring and the signature of a method; None when this service has not been asked yet."""
        if self._described != self._generation.value:
            return None
        described = self._methods.get(name) if isinstance(self._methods, dict) else None
        if not isinstance(described, dict):
            return "(not documented)", None
        signature = signature_from(described)
        lines = [] if signature else [f"{name}{described.get('signature', '(...)')}"]
        doc = described.get("doc")
        return "\n\n".join([*lines, *([doc] if isinstance(doc, str) else [])]), signature
