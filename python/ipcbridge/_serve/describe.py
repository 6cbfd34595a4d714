"""What `describe` tells of a service, and what its functions tell of themselves."""

from __future__ import annotations

from _collections_abc import Callable, Mapping, Sequence

from .._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import inspect


def describe_service(service: str, functions: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """The answer of the hidden method that every service has; docs/protocol.md has its shape."""
    return {"service": service, "methods": {name: _describe(function) for name, function in functions.items()}}


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """None for what does not tell, as some builtins, or tells nonsense."""
    import inspect

    try:
        return inspect.signature(function)
    except Exception:  # whatever a __signature__, a __wrapped__ or an annotation of the user's raises
        return None


def is_async(function: Callable[..., Any]) -> bool:
    import inspect

    call = getattr(function, "__call__", None)  # noqa: B004 - an instance with an async __call__
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _describe(function: Callable[..., Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"signature": "(...)", "doc": _doc(function), "params": []}
    signature = signature_of(function)
    if signature is not None:
        try:
            text, parameters = str(signature), [_parameter(each) for each in signature.parameters.values()]
        except Exception:  # a default's repr
            pass
        else:
            described.update(signature=text, params=parameters)
    return {**described, "async": is_async(function)}


def _doc(function: Callable[..., Any]) -> str | None:
    import inspect

    try:
        return inspect.getdoc(function) if inspect.isroutine(function) else None
    except Exception:
        return None


def _parameter(parameter: inspect.Parameter) -> dict[str, Any]:
    import inspect

    kinds = {"KEYWORD_ONLY": "keyword", "VAR_POSITIONAL": "rest", "VAR_KEYWORD": "kwrest"}
    kind = kinds.get(parameter.kind.name, "positional")
    described: dict[str, Any] = {
        "name": parameter.name,
        "required": parameter.default is inspect.Parameter.empty and kind in ("positional", "keyword"),
        "kind": kind,
    }
    if parameter.annotation is not inspect.Parameter.empty:
        described["annotation"] = inspect.formatannotation(parameter.annotation).strip("'")
    return described


def hint_at_keywords(args: Sequence[Any]) -> str:
    """What to add to the refusal of arguments of which the last looks like keywords, as JavaScript has options."""
    if not args or type(args[-1]) is not dict or not all(type(key) is str for key in args[-1]):
        return ""
    return "; keyword arguments are written name=value, in JavaScript kwargs({ … })"
