"""Which callables of an object are served, under which names."""

from __future__ import annotations

import types
from _collections_abc import Callable, Iterator, Mapping

from .._errors import IpcError
from .._shown import shown
from .._typing import Any, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])

_SERIAL = "__ipcbridge_serial__"
_MAX_NESTING = 16


@overload
def method(function: F) -> F: ...
@overload
def method(*, serial: bool = False) -> Callable[[F], F]: ...
def method(function: F | None = None, *, serial: bool = False) -> F | Callable[[F], F]:
    """Says how a method is served; `serial=True`: one call at a time, on whichever thread."""

    def mark(target: F) -> F:
        setattr(target, _SERIAL, serial)
        return target

    return mark if function is None else mark(function)


def is_serial(function: Callable[..., Any]) -> bool:
    return bool(getattr(function, _SERIAL, False))


def exposed(target: Any) -> dict[str, Callable[..., Any]]:
    """The callables of a mapping, module or instance by name; nested ones as 'outer.inner'.

    Never what begins with an underscore, never a property (none is evaluated), never a class.
    Raises IpcError('invalid_argument') for what cannot be served.
    """
    found: dict[str, Callable[..., Any]] = {}
    for name, function in _walk(_checked(target), "", 0):
        if name in found:
            raise IpcError("invalid_argument", f"two methods are named {name}")
        found[name] = function
    if not found:
        raise IpcError("invalid_argument", f"this {type(target).__name__} has no public functions to serve")
    return found


def exposed_by_reference(target: Any) -> dict[str, Callable[..., Any]]:
    """The same of an object that is passed by reference, which has no namespaces."""
    found = {name: member for name, member in _public_members(_checked(target), "") if callable(member)}
    if not found:
        raise IpcError("invalid_argument", f"this {type(target).__name__} has no public functions to call")
    return found


def _checked(target: Any) -> Any:
    import functools

    if isinstance(target, type):
        raise IpcError("invalid_argument", f"{target.__name__} is a class: pass an instance, {target.__name__}()")
    if is_routine(target) or isinstance(target, functools.partial):
        name = getattr(target, "__name__", "name")
        raise IpcError("invalid_argument", f"a function is served by name: pass {{{name!r}: {name}}}")
    return target


def _walk(target: Any, prefix: str, depth: int) -> Iterator[tuple[str, Callable[..., Any]]]:
    if depth > _MAX_NESTING:
        raise IpcError("invalid_argument", f"namespaces are nested more than {_MAX_NESTING} deep at {prefix[:-1]!r}")
    for name, value in _public_members(target, prefix):
        if callable(value):
            yield prefix + name, value
        else:
            yield from _walk(value, f"{prefix}{name}.", depth + 1)


def _public_members(target: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Functions and namespaces; `prefix` is what its own name begins with."""
    if isinstance(target, Mapping):
        members = _mapping_members(target, prefix)
    elif isinstance(target, types.ModuleType):
        members = _module_members(target)
    elif isinstance(target, types.SimpleNamespace):
        members = _mapping_members(vars(target), prefix)
    else:
        members = _instance_members(target)
    for name, value in members:
        if name.startswith("_"):
            continue
        if isinstance(value, type):
            raise IpcError("invalid_argument", f"{prefix}{name} is a class: pass an instance, {value.__name__}()")
        yield name, value


def _mapping_members(target: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in target.items():
        if not isinstance(name, str):
            raise IpcError("invalid_argument", f"the name of a method is a string, not {shown(name)}")
        is_data = value is None or isinstance(value, (bool, int, float, str, bytes, list, tuple, set))
        if is_data and not name.startswith("_"):
            raise IpcError("invalid_argument", f"{prefix}{name} is {shown(value)}, which is no function")
        yield name, value


def _module_members(module: types.ModuleType) -> Iterator[tuple[str, Any]]:
    names = getattr(module, "__all__", None)
    for name in vars(module) if names is None else dict.fromkeys(names):
        value = getattr(module, name)
        if is_routine(value) and (names is not None or getattr(value, "__module__", None) == module.__name__):
            yield name, value


def _instance_members(target: Any) -> Iterator[tuple[str, Any]]:
    """The methods of its class, and the namespaces that it holds; whatever else it holds is its state."""
    of_class: dict[str, Any] = {}
    for cls in reversed(type(target).__mro__):
        if cls.__module__ != "builtins":  # of a dict's subclass its own methods, not pop()
            of_class.update(vars(cls))
    own = getattr(target, "__dict__", {})
    for name, static in of_class.items():
        if not name.startswith("_") and _is_method(static):
            member = getattr(target, name)  # which may be a cache that the instance has put before its method
            if callable(member) and not isinstance(member, type):
                yield name, member
    for name, member in own.items():
        if not name.startswith("_") and isinstance(member, types.SimpleNamespace):
            yield name, member


def is_routine(value: object) -> bool:
    import inspect

    return inspect.isroutine(value)


def _is_method(static: Any) -> bool:
    import functools

    return is_routine(static) or isinstance(static, (functools.partialmethod, staticmethod, classmethod))
