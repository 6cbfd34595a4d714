"""Integers made floats where an annotation can only mean that: JavaScript does not know 2.0 from 2."""

from __future__ import annotations

from _collections_abc import Callable

from .._errors import IpcError
from .._typing import TYPE_CHECKING, Any
from .describe import signature_of

if TYPE_CHECKING:
    from typing import Optional

    Convert = Callable[[Any], Any]
    Converters = tuple[
        list[tuple[int, Convert]], Optional[tuple[int, Convert]], dict[str, Optional[Convert]], Optional[Convert]
    ]


def with_floats(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, or one that calls it with floats in the places that are annotated so."""
    parameters = _converters(function)
    if parameters is None:
        return function
    places, rest, names, others = parameters
    from functools import WRAPPER_ASSIGNMENTS, wraps

    # Those of a mock may be mocks, which a function takes no name from.
    assigned = [name for name in WRAPPER_ASSIGNMENTS if isinstance(getattr(function, name, None), (str, dict, tuple))]

    @wraps(function, assigned, updated=())
    def convert(*args: Any, **kwargs: Any) -> Any:
        given = list(args)
        for at, to_float in places:
            if at < len(given):
                given[at] = to_float(given[at])
        if rest is not None:
            first, to_float = rest
            given[first:] = map(to_float, given[first:])
        for name in kwargs:
            convert_named = names.get(name, others)
            if convert_named is not None:
                kwargs[name] = convert_named(kwargs[name])
        return function(*given, **kwargs)

    return convert


def _converters(function: Callable[..., Any]) -> Converters | None:
    """By place, for the rest of the places, by name, and for other names; None where nothing is to be converted."""
    signature = signature_of(function)
    if signature is None:
        return None
    types = _Types(function)
    places: list[tuple[int, Convert]] = []
    rest: tuple[int, Convert] | None = None
    names: dict[str, Convert | None] = {}
    others: Convert | None = None
    for at, parameter in enumerate(signature.parameters.values()):
        kind = parameter.kind.name
        if kind in ("POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY"):
            names[parameter.name] = None  # those that **others must leave alone
        to_float = types.converter(parameter.annotation)
        if to_float is None:
            continue
        if kind in ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD"):
            places.append((at, to_float))
        if kind in ("POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY"):
            names[parameter.name] = to_float
        elif kind == "VAR_POSITIONAL":
            rest = (at, to_float)
        elif kind == "VAR_KEYWORD":
            others = to_float
    if places or rest or others or any(names.values()):
        return places, rest, names, others
    return None


class _Types:
    """What the annotations of a function mean."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def converter(self, annotation: Any) -> Convert | None:
        try:
            return _of(_evaluated(annotation, self._function), {})
        except Exception:  # an annotation of the user's may be anything
            return None


def _evaluated(annotation: Any, function: Callable[..., Any]) -> Any:
    """An annotation, also one that is a string, as under `from __future__ import annotations`."""
    import functools
    import inspect
    import typing

    if not isinstance(annotation, str):
        return annotation
    inner = inspect.unwrap(function)
    while isinstance(inner, functools.partial):
        inner = inner.func
    if not inspect.isroutine(inner):
        inner = type(inner).__call__ if callable(inner) else inner
    holder = type("_Holder", (), {"__annotations__": {"it": annotation}})
    names = getattr(inspect.unwrap(inner), "__globals__", {})
    return typing.get_type_hints(holder, names, {}, include_extras=True)["it"]


def _of(annotation: Any, classes: dict[Any, list[Convert | None]]) -> Convert | None:
    """The converter for values that are annotated so. `classes` holds those whose fields are being looked at."""
    import collections.abc
    import typing

    if annotation is float:
        return _number
    if hasattr(annotation, "__supertype__"):  # a NewType
        return _of(annotation.__supertype__, classes)
    if type(annotation).__name__ == "TypeAliasType":  # type Name = …, since Python 3.12
        return _of(annotation.__value__, classes)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is None:
        return _of_class(annotation, classes) if isinstance(annotation, type) else None
    if origin is typing.Annotated or getattr(origin, "_name", None) in ("Required", "NotRequired", "ReadOnly", "Final"):
        return _of(arguments[0], classes)
    if origin is typing.Union or getattr(origin, "__name__", None) == "UnionType":
        return _of_union(arguments, classes)
    if not isinstance(origin, type):
        return None
    if issubclass(origin, tuple):
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return _items(_of(arguments[0], classes))
        return _places([_of(each, classes) for each in arguments])
    if issubclass(origin, collections.abc.Mapping) and len(arguments) == 2:
        return _mapping(_of(arguments[0], classes), _of(arguments[1], classes))
    if issubclass(origin, collections.abc.Set) and len(arguments) == 1:
        return _members(_of(arguments[0], classes))
    if issubclass(origin, collections.abc.Iterable) and len(arguments) == 1:
        to_float = _of(arguments[0], classes)
        lists, sets = _items(to_float), _members(to_float)
        return _first_that_takes([lists, None if issubclass(origin, collections.abc.Sequence) else sets])
    return None


def _of_union(members: tuple[Any, ...], classes: dict[Any, list[Convert | None]]) -> Convert | None:
    numbers: list[Convert | None] = []
    containers: list[Convert | None] = []
    is_clear = True  # whether a list or dict can be of one member only
    for member in members:
        converter = _of(member, classes)
        if converter is _number:
            numbers = [_number]
        elif converter is not None:
            containers.append(converter)
        elif member not in (type(None), bool, int, str, bytes):
            is_clear = False
    if any(map(_takes_integers, members)):
        numbers = []
    if len(containers) > 1 or not is_clear:
        containers = []
    return _first_that_takes([*numbers, *containers])


def _takes_integers(member: Any) -> bool:
    """Whether an integer may be meant for it, and stay one."""
    import typing

    if hasattr(member, "__supertype__"):
        return _takes_integers(member.__supertype__)
    if typing.get_origin(member) is typing.Annotated:
        return _takes_integers(typing.get_args(member)[0])
    if typing.get_origin(member) is not None:
        return typing.get_origin(member) is typing.Literal
    if not isinstance(member, type):
        return True
    if member in (bool, float):
        return False
    return member is complex or issubclass(member, int) or isinstance(0, member)


def _of_class(cls: type, classes: dict[Any, list[Convert | None]]) -> Convert | None:
    """Dataclasses and typed dicts arrive as dicts, named tuples as lists."""
    import dataclasses
    import typing

    if not (dataclasses.is_dataclass(cls) or hasattr(cls, "__total__") or hasattr(cls, "_fields")):
        return None
    if cls in classes:  # it refers to itself
        found = classes[cls]
        return lambda value: found[0](value) if found and found[0] is not None else value
    found = classes[cls] = []
    hints = {name: _of(each, classes) for name, each in typing.get_type_hints(cls, include_extras=True).items()}
    names: tuple[str, ...] | None = getattr(cls, "_fields", None)
    if names is not None and issubclass(cls, tuple):
        converter = _places([hints.get(name) for name in names])
    else:
        converter = _fields({name: each for name, each in hints.items() if each is not None})
    found.append(converter)
    return converter


def _number(value: Any) -> Any:
    if type(value) is not int:
        return value
    try:
        return float(value)
    except OverflowError:
        raise IpcError(
            "invalid_argument", f"an integer of {value.bit_length()} bits is too large for a float"
        ) from None


def _items(to_float: Convert | None) -> Convert | None:
    if to_float is None:
        return None

    def convert(value: Any) -> Any:
        if type(value) is list:
            value[:] = map(to_float, value)
        return value

    return convert


def _members(to_float: Convert | None) -> Convert | None:
    return None if to_float is None else lambda value: set(map(to_float, value)) if type(value) is set else value


def _mapping(key_to_float: Convert | None, to_float: Convert | None) -> Convert | None:
    if key_to_float is None and to_float is None:
        return None

    def convert(value: Any) -> Any:
        if type(value) is not dict:
            return value
        if key_to_float is not None:
            value = {key_to_float(key): each for key, each in value.items()}
        if to_float is not None:
            for key in value:
                value[key] = to_float(value[key])
        return value

    return convert


def _fields(converters: dict[str, Convert]) -> Convert | None:
    if not converters:
        return None

    def convert(value: Any) -> Any:
        if type(value) is dict:
            for name in converters.keys() & value.keys():
                value[name] = converters[name](value[name])
        return value

    return convert


def _places(converters: list[Convert | None]) -> Convert | None:
    if not any(converters):
        return None

    def convert(value: Any) -> Any:
        if type(value) is list:
            for at, to_float in enumerate(converters[: len(value)]):
                if to_float is not None:
                    value[at] = to_float(value[at])
        return value

    return convert


def _first_that_takes(converters: list[Convert | None]) -> Convert | None:
    """Each leaves alone what is of another shape than its own, so that they may follow each other."""
    found = [each for each in converters if each is not None]
    if len(found) < 2:
        return found[0] if found else None

    def convert(value: Any) -> Any:
        for each in found:
            value = each(value)
        return value

    return convert
