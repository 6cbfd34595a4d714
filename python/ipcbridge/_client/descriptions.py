"""What a service has told of its methods, for help() and inspect."""

from __future__ import annotations

from .. import _native
from .._errors import IpcError
from .._serve.describe import signature_from
from .._typing import Any


class Descriptions:
    """Those of the service that a client is connected to now."""

    def __init__(self, generation: _native.Generation) -> None:
        self._generation = generation
        self._methods: Any = None
        self._described: int | None = None

    def keep(self, described: Any, generation: int) -> dict[str, Any]:
        """What describe() has brought, asked for at that generation. IpcError('data_loss') if that is none."""
        if type(described) is not dict or not isinstance(described.get("methods"), dict):
            what = f"a {type(described).__name__}" + (" without methods" if type(described) is dict else "")
            raise IpcError("data_loss", f"the service was asked to describe itself and answered with {what}")
        self._methods, self._described = described["methods"], generation
        return described

    def help_of(self, name: str) -> tuple[str, Any] | None:
        """The docstring and the signature of a method; None when this service has not been asked yet."""
        if self._described != self._generation.value:
            return None
        described = self._methods.get(name)
        if not isinstance(described, dict):
            return "(not documented)", None
        signature = signature_from(described)
        lines = [] if signature else [f"{name}{described.get('signature', '(...)')}"]
        doc = described.get("doc")
        return "\n\n".join([*lines, *([doc] if isinstance(doc, str) else [])]), signature
