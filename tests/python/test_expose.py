"""The option `expose` of serve(): what it does not name does not exist for callers."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

import ipcbridge as ipc
from ipcbridge import testing


def mul(a: int, b: int) -> int:
    return a * b


TARGET = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "add_all": lambda *numbers: len(numbers),
    "math": {"mul": mul, "div": lambda a, b: a / b, "trig": SimpleNamespace(sin=math.sin, cos=math.cos)},
    "mathematics": {"prove": lambda: True},
}


@pytest.mark.parametrize(
    ("expose", "names"),
    [
        (["add"], ["add"]),
        (["sub", "add", "sub"], ["add", "sub"]),
        (["math.trig.sin"], ["math.trig.sin"]),
        (["math"], ["math.mul", "math.div", "math.trig.sin", "math.trig.cos"]),
        (["add", "math.trig"], ["add", "math.trig.sin", "math.trig.cos"]),
        (["math.trig.sin", "math.trig"], ["math.trig.sin", "math.trig.cos"]),
        ({"add", "sub"}, ["add", "sub"]),
        (iter(["add"]), ["add"]),
    ],
    ids=["method", "the target's order", "in a namespace", "namespace", "nested", "both", "set", "iterator"],
)
def test_what_is_named_is_served_and_nothing_else(serve: Any, connect: Any, expose: Any, names: list[str]) -> None:
    serve("calc", TARGET, expose=expose)
    assert list(ipc.describe(connect("calc"))["methods"]) == names


def test_what_is_not_exposed_cannot_be_seen_nor_called(serve_either: Any, connect: Any, address: str) -> None:
    serve_either(address, TARGET, expose=["add", "math.mul"])
    calc = connect(address)
    assert {"add", "math"} <= set(dir(calc))
    assert not {"sub", "mathematics"} & set(dir(calc))
    assert (calc.add(2, 3), calc.math.mul(2, 3)) == (5, 6)
    with pytest.raises(AttributeError):
        _ = calc.math.div
    for name in ("sub", "math", "math.div", "math.trig.sin", "mathematics.prove", "add_all"):
        with pytest.raises(ipc.IpcError) as caught:
            ipc.call(calc, name, [1, 2])
        assert caught.value.code == "unimplemented", name


def test_methods_of_an_instance_keep_their_object_and_their_options(serve_either: Any, connect: Any) -> None:
    class Counter:
        count = 0

        @ipc.method(serial=True)
        def next(self) -> int:
            self.count += 1
            return self.count

        def reset(self) -> None: ...

    serve_either("counter", Counter(), expose=["next"])
    counter = connect("counter")
    assert [counter.next(), counter.next()] == [1, 2]
    assert not hasattr(counter, "reset")


def test_a_fake_takes_it_as_serve_does() -> None:
    with testing.fake(TARGET, serve_options={"expose": ["math"]}) as calc:
        assert calc.math.mul(2, 3) == 6
        assert not hasattr(calc, "add")


REFUSED = {
    "a misspelt method": (
        ["add", "sbu"],
        "expose: there is no method or namespace 'sbu' to serve (did you mean 'sub'?)",
    ),
    "a misspelt namespace": (
        ["Math"],
        "expose: there is no method or namespace 'Math' to serve (did you mean 'math'?)",
    ),
    "a name of nothing": (["quite different"], "expose: there is no method or namespace 'quite different' to serve"),
    "a method of a method": (["add.x"], "expose: there is no method or namespace 'add.x' to serve"),
    "the empty name": ([""], "expose: there is no method or namespace '' to serve"),
    "a lone surrogate": (["a\ud800b"], r"expose: there is no method or namespace 'a\ud800b' to serve"),
    "a private name": (
        ["math._div"],
        "expose: there is no method or namespace 'math._div' to serve: names that begin with _ are never served",
    ),
    "an empty list": ([], "expose is empty, so that nothing could be called: leave it out to serve everything"),
    "a string": ("add", "expose is a list of the names of methods and namespaces: write ['add']"),
    "a number": (3, "expose is a list of the names of methods and namespaces, not 3"),
    "True": ([True], "expose lists the names of methods and namespaces, not True"),
    "bytes": (b"add", "expose is a list of the names of methods and namespaces, not b'add'"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_exposed_is_refused_saying_what_to_do(serve_either: Any, what: str) -> None:
    expose, message = REFUSED[what]
    with pytest.raises(ipc.IpcError) as caught:
        serve_either("calc", TARGET, expose=expose)
    assert (caught.value.code, str(caught.value)) == ("invalid_argument", message)
