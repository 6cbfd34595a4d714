"""What `describe` tells of a service, on the serving side and on the calling one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

DESCRIBE = "__describe__"
"""The hidden method that every service has."""

_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_POSITIONAL: "rest",
    inspect.Parameter.VAR_KEYWORD: "kwrest",
}
_PARAMETER_KINDS = {
    "positional": inspect.Parameter.POSITIONAL_OR_KEYWORD,
    "keyword": inspect.Parameter.KEYWORD_ONLY,
    "rest": inspect.Parameter.VAR_POSITIONAL,
    "kwrest": inspect.Parameter.VAR_KEYWORD,
}


def describe_service(service: str, functions: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """The answer of DESCRIBE; docs/protocol.md has its shape."""
    return {"service": service, "methods": {name: _describe(function) for name, function in functions.items()}}


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """None for a builtin that does not tell."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def is_async(function: Callable[..., Any]) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004 - an instance with an async __call__
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _describe(function: Callable[..., Any]) -> dict[str, Any]:
    signature = signature_of(function)
    parameters = signature.parameters.values() if signature else ()
    return {
        "signature": str(signature) if signature else "(...)",
        "doc": inspect.getdoc(function) if inspect.isroutine(function) else None,
        "params": [_parameter(parameter) for parameter in parameters],
        "async": is_async(function),
    }


def _parameter(parameter: inspect.Parameter) -> dict[str, Any]:
    kind = _KINDS[parameter.kind]
    described: dict[str, Any] = {
        "name": parameter.name,
        "required": parameter.default is inspect.Parameter.empty and kind in ("positional", "keyword"),
        "kind": kind,
    }
    if parameter.annotation is not inspect.Parameter.empty:
        described["annotation"] = inspect.formatannotation(parameter.annotation).strip("'")
    return described


def signature_from(described: Any) -> inspect.Signature | None:
    """The signature that a described method has, for help() and inspect; None where it makes no sense in Python."""
    try:
        return inspect.Signature(
            [
                inspect.Parameter(
                    each["name"],
                    _PARAMETER_KINDS[each["kind"]],
                    default=inspect.Parameter.empty
                    if each["required"] or each["kind"] in ("rest", "kwrest")
                    else _Optional(),
                )
                for each in described["params"]
            ]
        )
    except (KeyError, TypeError, ValueError):
        return None


class _Optional:
    """A default value that only the other side knows."""

    def __repr__(self) -> str:
        return "..."


def hint_at_keywords(args: Sequence[Any]) -> str:
    """What to add to the refusal of arguments of which the last looks like keywords, as JavaScript has options."""
    if not args or type(args[-1]) is not dict or not all(type(key) is str for key in args[-1]):
        return ""
    return "; keyword arguments are written name=value, in JavaScript kwargs({ … })"
