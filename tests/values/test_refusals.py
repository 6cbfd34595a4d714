"""What is not sent, and how the message says where it stands."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from parameter_ids import shown
from travel import Name, Text, User, refused, travel

import ipcbridge as ipc
from ipcbridge._errors import IpcError
from ipcbridge._values import decode, decode_args, encode_args, encode_result


@dataclasses.dataclass
class Link:
    inner: Any


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (int, "a class (int)"),
        (User, "a class (User)"),
        (object(), "an instance of object: send a dict"),
        (timedelta(1), "value.total_seconds()"),
        (1j, "a complex number"),
        (range(3), "a range: send list(value)"),
        (collections.deque(), "a deque: send list(value)"),
        ({}.keys(), "a dict_keys: send list(value)"),
        (collections.ChainMap(), "a ChainMap: send dict(value)"),
        (memoryview(b"abcd")[::2], "not contiguous"),
        ("\ud800", "a lone surrogate"),
    ],
    ids=shown,
)
def test_refused(value: Any, reason: str) -> None:
    assert refused(value).startswith("result cannot be sent: ")
    assert reason in refused(value)
    assert refused([{"a": value}]).startswith("result[0].a cannot be sent: ")


async def agen() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (ValueError("x"), "an exception (ValueError): exceptions as values come in a later release"),
    ],
    ids=shown,
)
def test_what_comes_in_a_later_release_is_unimplemented(value: Any, reason: str) -> None:
    assert refused(value, "unimplemented").startswith(f"result cannot be sent: {reason}")
    assert refused([{"a": value}], "unimplemented").startswith(f"result[0].a cannot be sent: {reason}")


@pytest.mark.parametrize("value", [len, lambda: 1, [].append, partial(len), ipc.proxy(Path())], ids=shown)
def test_functions_and_objects_by_reference_are_for_arguments_and_results(value: Any) -> None:
    refusal = refused([value], "unimplemented")
    assert refusal.startswith("result[0] cannot be sent: a function, or what travels by reference: ")
    assert "here they come in a later release" in refusal


@pytest.mark.parametrize("value", [(x for x in ()), agen()], ids=["generator", "async generator"])
def test_streams_are_for_arguments_and_results(value: Any) -> None:
    assert refused([value]).startswith("result[0] cannot be sent: a stream, which only arguments and results can be")


def test_files_and_coroutines_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        assert "ipc.stream(value)" in refused(file)

    async def work() -> None: ...

    coroutine = work()
    assert "await it first" in refused(coroutine)
    coroutine.close()


def test_paths() -> None:
    def encode(args: Any) -> bytes:
        return encode_args(args, {})

    assert refused((1, {"items": [0, 1, 2, int]}), encode=encode).startswith("args[1].items[3] cannot")
    assert refused({"x": {"a b": int}}).startswith('result.x["a b"] cannot')
    assert refused({"x": {1: [int]}}).startswith("result.x[1][0] cannot")
    assert refused({"größe": (int,)}).startswith("result.größe[0] cannot")
    assert refused({int: 1}).startswith("result<key 0> cannot")
    assert refused({int}).startswith("result<element 0> cannot")
    assert refused(User("a", set(), int)).startswith("result.inner cannot")
    assert refused({"k\ud800": 1}).startswith("result<key 0> cannot")
    with pytest.raises(IpcError, match=r"^kwargs\.b\[0\] cannot be sent"):
        encode_args((), {"b": [int]})
    assert refused([int], encode=lambda value: encode_result(value, "details")).startswith("details[0] cannot")


def test_paths_are_short_and_cheap_whatever_the_keys() -> None:
    assert refused({10**5000: int}).startswith("result[an integer of 16610 bits] cannot")
    assert refused({-(10**5000): int}).startswith("result[an integer of 16610 bits] cannot")
    assert refused({"k" * 1000: int}).startswith(f"result.{'k' * 60}... cannot")
    assert refused({" " * 1000: int}).startswith(f'result["{" " * 60}..."] cannot')
    assert refused({(1, 2): int}).startswith("result[a tuple key] cannot")
    assert decode(encode_result({10**5000: 10**5000})) == {10**5000: 10**5000}


def test_the_names_of_keyword_arguments_are_strings() -> None:
    assert decode_args(encode_args((), {Text("a"): 1, Name.ANN: 2})) == ((), {"a": 1, "ann": 2})
    for name in (1, b"a", None, (1,)):
        with pytest.raises(
            IpcError, match=r"^kwargs<key 1> cannot be sent: the name of a keyword argument is a string"
        ):
            encode_args((), {"a": 1, name: 2})  # type: ignore[dict-item]


def test_cycles_are_told_from_depth() -> None:
    a: dict[str, Any] = {"list": []}
    a["list"].append(a)
    assert refused([0, {"a": a}]) == "result[1].a.list[0] refers back to result[1].a: a cycle cannot be sent"
    user = User("a", set())
    user.inner = [user]
    assert refused(user) == "result.inner[0] refers back to result: a cycle cannot be sent"


_AROUND: dict[str, Callable[[Any], Any]] = {
    "list": lambda value: [value],
    "tuple": lambda value: (value,),
    "dict": lambda value: {"v": value},
    "dict with another key": lambda value: {1: value},
    "set": lambda value: frozenset({value}),
    "dataclass": lambda value: Link(value),
}


@pytest.mark.parametrize("around", _AROUND.values(), ids=_AROUND)
def test_every_container_counts_as_one_level(around: Callable[[Any], Any]) -> None:
    value = 1
    for _ in range(128):
        value = around(value)
    travel(value)
    decode_args(encode_args((value,), {"k": value}))
    assert "nested more than 128 levels deep" in refused(around(value))
    assert "128 levels" in refused(around(value), encode=lambda value: encode_args((value,), {}))
    assert "128 levels" in refused(around(value), encode=lambda value: encode_args((), {"k": value}))


def test_a_set_in_the_deepest_list_counts() -> None:
    value: Any = {1}
    for _ in range(127):
        value = [value]
    travel(value)
    assert "128 levels" in refused([value])


def test_depth_is_refused_before_it_costs_the_stack() -> None:
    for data in (b"\x91" * 100_000, b"\x81\xa1a" * 100_000, b"\xc9\0\1\0\0\2\x91" * 20_000):
        for read in (decode, decode_args):
            with pytest.raises(IpcError) as caught:
                read(data)
            assert caught.value.code == "data_loss"


def test_code_that_raises_makes_its_value_refused() -> None:
    class Odd(float):
        def __float__(self) -> float:
            raise LookupError("no")

    with pytest.raises(IpcError, match=r"^result\[0\] cannot be sent: reading this Odd raised LookupError") as caught:
        encode_result([Odd()])
    assert isinstance(caught.value.__cause__, LookupError)
