"""Code that runs while a value is walked may change it: what is sent is what it was at one moment, or it is refused."""

from __future__ import annotations

import dataclasses
import gc
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ipcbridge._errors import IpcError
from ipcbridge._values import decode, decode_args, encode_args, encode_result

Act = Callable[[], object]


@dataclasses.dataclass
class Acting:
    """Runs `act` when its field is read."""

    act: Act
    field: int = 0

    def __getattribute__(self, name: str) -> Any:
        if name == "act":
            return 1
        if name == "field":
            object.__getattribute__(self, "act")()
        return object.__getattribute__(self, name)


SENT = {"act": 1, "field": 0}


def arrives(value: Any) -> Any:
    return decode(encode_result(value))


@pytest.mark.parametrize("count", [1, 20, 128, 300])
def test_a_list_arrives_as_it_was(count: int) -> None:
    changes: list[Callable[[list[Any]], object]] = [
        list.clear,
        lambda items: items.append(1),
        lambda items: items.extend(range(1000)),
        lambda items: items.reverse(),
        lambda items: items.pop(),
        lambda items: items.__delitem__(slice(count // 2, None)),
        lambda items: items.__setitem__(slice(None), [[]] * 50),
    ]
    for change in changes:
        items: list[Any] = ["first", *([object()] and [{"k": [index]} for index in range(count)])]
        expected = [*items[: count // 2], SENT, *items[count // 2 :], "last"]
        items.insert(count // 2, Acting(lambda items=items, change=change: change(items)))  # type: ignore[misc]
        items.append("last")
        assert arrives(items) == expected


def test_objects_that_are_dropped_meanwhile_stay_until_they_are_sent() -> None:
    items: list[Any] = []
    items += [Acting(items.clear), *({"k": str(index) * 50} for index in range(100))]
    assert arrives(items) == [SENT, *({"k": str(index) * 50} for index in range(100))]
    pairs: dict[Any, Any] = {}
    pairs.update(a=Acting(pairs.clear), **{f"key{index}": [str(index) * 50] for index in range(100)})
    assert arrives(pairs) == {"a": SENT, **{f"key{index}": [str(index) * 50] for index in range(100)}}


@pytest.mark.parametrize("first", [{}, {1: 0}, {("t",): 0}], ids=["strings", "integers", "tuples"])
@pytest.mark.parametrize("position", range(4))
def test_a_dict_arrives_as_it_was(first: dict[Any, Any], position: int) -> None:
    changes: list[Callable[[dict[Any, Any]], object]] = [
        dict.clear,
        lambda pairs: pairs.pop("b"),
        lambda pairs: (pairs.pop("b"), pairs.update(z=99)),
        lambda pairs: pairs.update({f"more{index}": index for index in range(100)}),
        lambda pairs: pairs.update(dict.fromkeys(pairs, "other")),
        lambda pairs: pairs.update({2.5: 1}),
    ]
    for change in changes:
        pairs: dict[Any, Any] = dict(first)
        expected: dict[Any, Any] = dict(first)
        acting = Acting(lambda pairs=pairs, change=change: change(pairs))  # type: ignore[misc]
        for index, key in enumerate("abcd"):
            pairs[key] = acting if index == position else [index]
            expected[key] = SENT if index == position else [index]
        arrived = arrives(pairs)
        assert arrived == expected
        assert list(arrived) == list(expected)


def test_a_key_that_changes_its_dict() -> None:
    class Key(str):
        def __str__(self) -> str:
            return "not asked"

        def __getattribute__(self, name: str) -> Any:
            pairs.clear()
            return str.__getattribute__(self, name)

    class Keyed(float):
        def __float__(self) -> float:
            pairs.clear()
            return 2.5

        __hash__ = float.__hash__

    pairs: dict[Any, Any] = {"a": 1, Key("b"): 2, "c": 3}
    assert arrives(pairs) == {"a": 1, "b": 2, "c": 3}
    pairs = {"a": 1, Keyed(1.0): 2, "c": 3}
    assert arrives(pairs) == {"a": 1, 2.5: 2, "c": 3}


def test_a_set_arrives_as_it_was() -> None:
    class Keyed(float):
        def __float__(self) -> float:
            elements.clear()
            elements.update(range(100))
            return 2.5

        __hash__ = float.__hash__

    elements: set[Any] = {Keyed(1.0), "a", 7}
    assert arrives(elements) == {2.5, "a", 7}


def test_what_iterates_by_code_of_its_own() -> None:
    class Rows(list):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[Any]:
            for _ in range(3):
                yield self.pop()

    class Pairs(dict):  # type: ignore[type-arg]
        def keys(self) -> Any:
            raise LookupError("no keys")

        def __iter__(self) -> Iterator[Any]:
            return iter(("x",))

    assert arrives(Rows(range(10))) == [9, 8, 7]
    with pytest.raises(IpcError, match=r"^result\.p cannot be sent: reading this Pairs raised LookupError"):
        encode_result({"p": Pairs(a=1)})
    ordered = OrderedDict(a=1, b=2)
    ordered.move_to_end("a")
    assert list(arrives(ordered)) == ["b", "a"]


def test_a_value_that_sends_itself_again_meanwhile() -> None:
    items: list[Any] = [[1]]
    inner: list[bytes] = []
    items += [Acting(lambda: inner.append(encode_result(items[:1]))), {"k": [2]}]
    assert arrives(items) == [[1], SENT, {"k": [2]}]
    assert [decode(each) for each in inner] == [[[1]]]


def test_a_tuple_that_only_a_changed_list_held() -> None:
    items: list[Any] = []
    items.append((Acting(items.clear), ["kept"], "kept" * 10))
    assert arrives(items) == [[SENT, ["kept"], "kept" * 10]]


@pytest.mark.parametrize("encode", [lambda value: encode_result(value), lambda value: encode_args((), {"v": value})])
def test_changes_before_a_refusal(encode: Callable[[Any], bytes]) -> None:
    pairs: dict[str, Any] = {}
    pairs.update(a=Acting(pairs.clear), b=[object()])
    with pytest.raises(IpcError, match=r"\.b\[0\] cannot be sent: an instance of object") as caught:
        encode(pairs)
    assert caught.value.code == "invalid_argument"


def test_finalizers_that_change_what_is_sent() -> None:
    """Before Python 3.12 garbage is collected whenever an object is made; then it runs what it likes."""

    class Trap:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            del items[10:]
            pairs.clear()
            elements.clear()

    expected = [{"row": index, "nested": [index]} for index in range(200)]
    thresholds = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(20):
            items: list[Any] = [dict(row) for row in expected]
            pairs: dict[Any, Any] = {index: [index] for index in range(50)}
            elements: set[Any] = {(index,) for index in range(50)}
            for value in (items, pairs, elements, {"all": [items, pairs, elements]}):
                Trap()
                decode(encode_result(value))
            Trap()
            assert decode(encode_result(expected)) == expected
    finally:
        gc.set_threshold(*thresholds)


def test_values_being_decoded_are_whole_for_whoever_finds_them() -> None:
    """Before Python 3.12 a collection may run in the midst of decoding, and show what is being made."""
    data = encode_result([{"k": [index, (index,), {index}, {index: (1, [2])}]} for index in range(50)])
    args = encode_args(([1, [2, [3]]], {"a": {(1, (2, 3)): [4]}}), {"k": [[1]]})
    seen = 0

    def look(phase: str, _info: dict[str, int]) -> None:
        nonlocal seen
        if phase == "start":
            for found in gc.get_objects():
                if type(found) in (list, tuple) and len(found) < 100:
                    seen += len([item for item in found if item is None])

    thresholds = gc.get_threshold()
    gc.callbacks.append(look)
    gc.set_threshold(50, 1000, 1000)
    try:
        assert len(decode(data)) == 50
        for _ in range(20):
            assert decode_args(args)[1] == {"k": [[1]]}
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(look)


def test_what_is_decoded_can_be_collected() -> None:
    value = decode(encode_result([[1], {"a": [2]}, {(1, (2,)): [3]}]))
    assert gc.is_tracked(value)
    assert all(gc.is_tracked(item) for item in value)
    value.append(value)
    args, kwargs = decode_args(encode_args(([1],), {"a": [1]}))
    assert gc.is_tracked(args)
    assert gc.is_tracked(kwargs)
    del value
    gc.collect()


def test_other_threads_that_change_what_is_sent() -> None:
    class Slow(float):
        def __float__(self) -> float:
            for _ in range(20):
                pass  # the interpreter switches threads here
            return 0.5

    def change() -> None:
        while not done.is_set():
            del items[10:]
            items.extend([[index] for index in range(100)])
            pairs.pop("k50", None)
            pairs["k50"] = [50]
            pairs[2.5] = [2.5]
            del pairs[2.5]

    items: list[Any] = [[index] for index in range(100)]
    pairs: dict[Any, Any] = {f"k{index}": [index] for index in range(100)}
    done = threading.Event()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            arrived_items, arrived_pairs, _ = arrives([items, pairs, [Slow(1.0)] * 5])
            assert len(arrived_items) in (10, 100) or arrived_items
            assert all(key == 2.5 or value == [int(key[1:])] for key, value in arrived_pairs.items())
            items_with_slow = [Slow(1.0), items, pairs]
            assert arrives(items_with_slow)[0] == 0.5
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(interval)
