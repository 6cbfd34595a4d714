"""Integers become floats where an annotation can only mean that."""

import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict, Union

import pytest

import ipcbridge as ipc
from ipcbridge._serve.floats import with_floats

Meters = NewType("Meters", float)


class Color(IntEnum):
    RED = 1


@dataclass
class Point:
    x: float
    y: float = 0.0
    name: str = ""
    tags: list[int] = field(default_factory=list)
    next: "Optional[Point]" = None


class Options(TypedDict, total=False):
    scale: float
    count: int


class Pair(NamedTuple):
    first: int
    second: float


ONE: dict[str, tuple[Any, Any, Any]] = {
    "float": (float, 2, 2.0),
    "a string": ("float", 2, 2.0),
    "a string of a union": ("Optional[float]", 2, 2.0),
    "Optional": (Optional[float], 2, 2.0),
    "None of Optional": (Optional[float], None, None),
    "Union with str": (Union[float, str], 2, 2.0),
    "Union with bool": (Union[float, bool], True, True),
    "Annotated": (Annotated[float, "unit"], 2, 2.0),
    "Annotated in a union": (Optional[Annotated[float, "unit"]], 2, 2.0),
    "NewType": (Meters, 2, 2.0),
    "list": (list[float], [1, 2.5, "x"], [1.0, 2.5, "x"]),
    "List": (t.List[float], [1], [1.0]),  # noqa: UP006
    "Sequence": (Sequence[float], [1], [1.0]),
    "Iterable": (Iterable[float], [1], [1.0]),
    "Iterable of a set": (Iterable[float], {1}, {1.0}),
    "nested lists": (list[list[float]], [[1], [2]], [[1.0], [2.0]]),
    "Optional list": (Optional[list[float]], [1], [1.0]),
    "number or list": (Union[float, list[float]], [1], [1.0]),
    "number or list, a number": (Union[float, list[float]], 1, 1.0),
    "tuple": (tuple[int, float], [1, 2], [1, 2.0]),
    "tuple of any length": (tuple[float, ...], [1, 2], [1.0, 2.0]),
    "set": (set[float], {1}, {1.0}),
    "dict values": (dict[str, float], {"a": 1}, {"a": 1.0}),
    "Mapping": (Mapping[str, Optional[float]], {"a": 1, "b": None}, {"a": 1.0, "b": None}),
    "dict keys": (dict[float, str], {1: "a"}, {1.0: "a"}),
    "dataclass": (Point, {"x": 1, "name": 2, "tags": [3]}, {"x": 1.0, "name": 2, "tags": [3]}),
    "dataclass within itself": (Point, {"x": 1, "next": {"x": 2}}, {"x": 1.0, "next": {"x": 2.0}}),
    "list of dataclasses": (list[Point], [{"x": 1}], [{"x": 1.0}]),
    "TypedDict": (Options, {"scale": 1, "count": 2}, {"scale": 1.0, "count": 2}),
    "NamedTuple": (Pair, [1, 2], [1, 2.0]),
}
NOT: dict[str, tuple[Any, Any]] = {
    "int": (int, 2),
    "Union with int": (Union[int, float], 2),
    "Union with an enum of integers": (Union[Color, float], 1),
    "Union with Literal": (Union[Literal[1], float], 1),
    "Any": (Any, 2),
    "Union with Any": (Union[float, Any], 2),
    "object": (object, 2),
    "complex": (complex, 2),
    "Decimal": (Decimal, 2),
    "bool": (float, True),
    "a text": (float, "2"),
    "lists of two kinds": (Union[list[float], list[int]], [2]),
    "a list or anything iterable": (Union[list[float], Iterable[Any]], [2]),
    "a list in place of a number": (float, [2]),
    "an unknown name": ("Nowhere", 2),
    "no annotation that makes sense": (3, 2),
}


def converted(annotation: Any, value: Any) -> Any:
    def handler(x: Any) -> Any:
        return x

    handler.__annotations__["x"] = annotation
    return with_floats(handler)(value)


def exactly(value: Any) -> Any:
    """1 is not 1.0."""
    return repr(value)


@pytest.mark.parametrize("name", ONE)
def test_an_annotation_means(name: str) -> None:
    annotation, given, wanted = ONE[name]
    assert exactly(converted(annotation, given)) == exactly(wanted)


@pytest.mark.parametrize("name", NOT)
def test_what_may_be_an_integer_stays_one(name: str) -> None:
    annotation, given = NOT[name]
    assert exactly(converted(annotation, given)) == exactly(given)


def test_every_kind_of_parameter(serve: Any, connect: Any) -> None:
    def rest(a: int, *xs: float) -> Any:
        return [a, *xs]

    def named(*, x: float, n: int = 0, **others: float) -> Any:
        return {"x": x, "n": n, **others}

    class Calc:
        def method(self, x: "float", /, y: float = 0.0) -> Any:
            return [x, y]

    serve("calc", {"rest": rest, "named": named, "method": Calc().method})
    calc = connect("calc")
    assert exactly(calc.rest(1, 2, 3)) == exactly([1, 2.0, 3.0])
    assert exactly(calc.named(x=1, n=2, z=3)) == exactly({"x": 1.0, "n": 2, "z": 3.0})
    assert exactly(calc.method(1, 2)) == exactly([1.0, 2.0])
    assert exactly(calc.method(1, y=2)) == exactly([1.0, 2.0])


def test_an_integer_that_no_float_holds_is_refused(serve: Any, connect: Any) -> None:
    def half(x: float) -> float:
        return x / 2

    serve("calc", {"half": half})
    with pytest.raises(ipc.RemoteError, match="too large for a float") as caught:
        connect("calc").half(10**400)
    assert caught.value.code == "invalid_argument"
