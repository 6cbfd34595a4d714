from __future__ import annotations

import functools
import types
from typing import Any

import pytest

import ipcbridge as ipc
from ipcbridge._serve.exposure import exposed


class Model:
    def __call__(self, x: int) -> int:
        return x

    def fit(self) -> None: ...


class Base:
    def inherited(self) -> str:
        return "inherited"


class Thing(Base):
    constant = 3

    def __init__(self) -> None:
        self.evaluated = 0
        self.on_done = print
        self.model = Model()
        self.public = functools.lru_cache(self.public)
        self.shadowed = 3
        self.data = {"not": "served"}
        self.math = types.SimpleNamespace(add=lambda a, b: a + b)

    def public(self) -> str:
        return "public"

    @staticmethod
    def static() -> str:
        return "static"

    @classmethod
    def of_class(cls) -> str:
        return cls.__name__

    @property
    def costly(self) -> int:
        self.evaluated += 1
        raise RuntimeError("evaluated")

    def shadowed(self) -> None: ...

    def _private(self) -> None: ...

    def __call__(self) -> None: ...


def test_an_instance_shows_the_public_methods_of_its_class_and_none_of_its_state() -> None:
    thing = Thing()
    assert set(exposed(thing)) == {"inherited", "public", "static", "of_class", "math.add"}
    assert thing.evaluated == 0


def test_every_kind_of_method_can_be_called(serve: Any, connect: Any) -> None:
    serve("thing", Thing())
    thing = connect("thing")
    assert [thing.inherited(), thing.public(), thing.static(), thing.of_class()] == [
        "inherited",
        "public",
        "static",
        "Thing",
    ]
    assert thing.math.add(1, 2) == 3


def test_a_class_is_refused_with_the_remedy() -> None:
    with pytest.raises(ipc.IpcError, match=r"pass an instance, Thing\(\)"):
        exposed(Thing)
    with pytest.raises(ipc.IpcError, match=r"pass an instance, Thing\(\)"):
        exposed({"thing": Thing})


def test_a_mapping_nests() -> None:
    found = exposed({"add": len, "_hidden": len, "math": {"add": len, "deep": {"er": len}}, "thing": Base()})
    assert list(found) == ["add", "math.add", "math.deep.er", "thing.inherited"]


def test_a_module_shows_what_it_defines() -> None:
    module = types.ModuleType("sample")
    exec("from os.path import join\nimport os\ndef own(): ...\ndef _hidden(): ...\nclass Kind: ...", module.__dict__)
    assert list(exposed(module)) == ["own"]


def test_a_module_with_all_shows_that() -> None:
    module = types.ModuleType("sample")
    exec("from os.path import join\n__all__ = ['join', 'join']\ndef own(): ...", module.__dict__)
    assert list(exposed(module)) == ["join"]


@pytest.mark.parametrize("target", [len, functools.partial(len, ""), lambda: 1], ids=["builtin", "partial", "lambda"])
def test_a_function_is_served_by_name_only(target: Any) -> None:
    with pytest.raises(ipc.IpcError, match="served by name"):
        exposed(target)


@pytest.mark.parametrize(
    "target", [{}, {"x": 3}, {3: len}, object(), None, 7], ids=["empty", "number", "key", "object", "None", "seven"]
)
def test_what_has_nothing_to_serve_is_refused(target: Any) -> None:
    with pytest.raises(ipc.IpcError) as caught:
        exposed(target)
    assert caught.value.code == "invalid_argument"


@pytest.mark.parametrize(("value", "shown"), [(3, "3"), ("x", "'x'"), (None, "None"), ([1], r"\[1\]")])
def test_an_entry_of_a_mapping_that_is_no_function_is_refused_by_its_name(value: Any, shown: str) -> None:
    with pytest.raises(ipc.IpcError, match=rf"^math\.e is {shown}, which is no function$"):
        exposed({"add": len, "math": {"e": value}})
    assert set(exposed({"add": len, "_e": value})) == {"add"}


@pytest.mark.parametrize(
    "target", [{"a.b": len, "a": {"b": max}}, {"a": {"b": len}, "a.b": len}], ids=["flat first", "nested first"]
)
def test_two_methods_of_one_name_are_refused(target: Any) -> None:
    with pytest.raises(ipc.IpcError, match=r"^two methods are named a\.b$") as caught:
        exposed(target)
    assert caught.value.code == "invalid_argument"


def test_a_namespace_that_contains_itself_is_refused() -> None:
    loop: dict[str, Any] = {"f": len}
    loop["loop"] = loop
    with pytest.raises(ipc.IpcError, match="nested"):
        exposed(loop)
