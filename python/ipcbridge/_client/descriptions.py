"""What a service has told of its methods, for help() and inspect."""

from __future__ import annotations

from .. import _native
from .._errors import IpcError
from .._shown import shown
from .._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import inspect


class Descriptions:
    """Those of the service that a client is connected to now."""

    def __init__(self, generation: _native.Generation) -> None:
        self._generation = generation
        self._methods: Any = None
        self._described: int | None = None

    def keep(self, described: Any, generation: int) -> dict[str, Any]:
        """What describe() has brought, asked for at that generation. IpcError('data_loss') if that is none."""
        if type(described) is not dict or not isinstance(described.get("methods"), dict):
            raise IpcError("data_loss", f"the service was asked for its methods and answered with {shown(described)}")
        self._methods, self._described = described["methods"], generation
        return described

    def help_of(self, name: str) -> tuple[str, Any] | None:
        """The docstring and the signature of a method; None when this service has not been asked yet."""
        if self._described != self._generation.value:
            return None
        described = self._methods.get(name)
        if not isinstance(described, dict):
            return "(not documented)", None
        signature = _signature_from(described)
        lines = [] if signature else [f"{name}{described.get('signature', '(...)')}"]
        doc = described.get("doc")
        return "\n\n".join([*lines, *([doc] if isinstance(doc, str) else [])]), signature


def _signature_from(described: Any) -> inspect.Signature | None:
    """The signature that a described method has, for help() and inspect; None where it makes no sense in Python."""
    import inspect

    kinds = {
        "positional": inspect.Parameter.POSITIONAL_OR_KEYWORD,
        "keyword": inspect.Parameter.KEYWORD_ONLY,
        "rest": inspect.Parameter.VAR_POSITIONAL,
        "kwrest": inspect.Parameter.VAR_KEYWORD,
    }
    try:
        return inspect.Signature(
            [
                inspect.Parameter(
                    each["name"],
                    kinds[each["kind"]],
                    default=inspect.Parameter.empty
                    if each["required"] or each["kind"] in ("rest", "kwrest")
                    else _Optional(),
                )
                for each in described["params"]
            ]
        )
    except Exception:  # the other side may tell anything
        return None


class _Optional:
    """A default value that only the other side knows."""

    def __repr__(self) -> str:
        return "..."
