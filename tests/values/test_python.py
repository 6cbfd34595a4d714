"""What only Python has: its types beyond the wire's, paths in messages, and code of the user's."""

from __future__ import annotations

import array
import collections
import dataclasses
import enum
import ipaddress
import math
import random
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

import pytest
import reference
from value_notation import show

from ipcbridge._errors import IpcError
from ipcbridge._values import decode, decode_args, encode_args, encode_result


class Point(NamedTuple):
    x: int
    y: int


class Color(enum.Enum):
    RED = "red"
    PAIR = (1, 2)


class Level(enum.IntEnum):
    LOW = 1


class Name(str, enum.Enum):
    ANN = "ann"


@dataclasses.dataclass
class User:
    name: str
    tags: set[str]
    inner: Any = None


@dataclasses.dataclass
class Link:
    inner: Any


class Text(str):
    pass


class Number(int):
    pass


class Real(float):
    pass


class Raw(bytes):
    pass


class Rows(list):  # type: ignore[type-arg]
    pass


class Bag(set):  # type: ignore[type-arg]
    pass


def travel(value: Any) -> Any:
    """`value` after the way there."""
    data = encode_result(value)
    arrived = decode(data)
    assert show(arrived) == show(reference.decode(data))
    return arrived


def refused(value: Any, code: str = "invalid_argument", *, encode: Callable[[Any], bytes] = encode_result) -> str:
    with pytest.raises(IpcError) as caught:
        encode(value)
    assert caught.value.code == code
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        ((1, (2,)), [1, [2]]),
        (Point(1, 2), [1, 2]),
        (Color.RED, "red"),
        (Color.PAIR, [1, 2]),
        (Level.LOW, 1),
        (Name.ANN, "ann"),
        (
            User("a", {"t"}, User("b", set())),
            {"name": "a", "tags": {"t"}, "inner": {"name": "b", "tags": set(), "inner": None}},
        ),
        (Text("t"), "t"),
        (Number(5), 5),
        (Number(2**80), 2**80),
        (Real(2.0), 2.0),
        (Raw(b"r"), b"r"),
        (Rows([1]), [1]),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"abc")[1:], b"bc"),
        (memoryview(array.array("H", [1])), b"\1\0" if sys.byteorder == "little" else b"\0\1"),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(int, a=1), {"a": 1}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (frozenset({1}), {1}),
        ({Text("k"): 1}, {"k": 1}),
        ({Name.ANN: 1, "b": 2}, {"ann": 1, "b": 2}),
        ({Level.LOW: 1}, {1: 1}),
        ({(1, 2): {3: 4}}, {(1, 2): {3: 4}}),
        ({frozenset({1}): 1}, {frozenset({1}): 1}),
        ({(1, frozenset({(2,)})): 1}, {(1, frozenset({(2,)})): 1}),
        ({None: 1, "a": 2, 1.5: 3, b"k": 4}, {None: 1, "a": 2, 1.5: 3, b"k": 4}),
        ({date(2020, 1, 2): 1}, {"2020-01-02": 1}),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (Decimal("1.10"), "1.10"),
        (date(2020, 1, 2), "2020-01-02"),
        (time(1, 2, 3, 4), "01:02:03.000004"),
        (Path("a/b"), "a/b"),
        (PureWindowsPath("a", "b"), "a\\b"),
        ({Path("a"): Path("b")}, {"a": "b"}),
        (ipaddress.ip_address("127.0.0.1"), "127.0.0.1"),
        (ipaddress.ip_address("::1"), "::1"),
        (ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8"),
        (ipaddress.ip_interface("10.0.0.1/8"), "10.0.0.1/8"),
        (Bag({1}), {1}),
        ([2.0, -0.0, 1e300], [2.0, -0.0, 1e300]),
        (datetime(2020, 1, 2, 3, 4, 5, 678901), datetime(2020, 1, 2, 3, 4, 5, 678901)),
        (datetime.max, datetime.max),
        (
            datetime(2020, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
            datetime(2020, 1, 1, tzinfo=timezone.utc),
        ),
    ],
    ids=repr,
)
def test_arrives_as(value: Any, arrives: Any) -> None:
    assert show(travel(value)) == show(arrives)
    assert show(travel([{"x": value}])) == show([{"x": arrives}])
    assert show(decode_args(encode_args((value,), {"k": value}))) == show(((arrives,), {"k": arrives}))


def test_integers_of_every_size() -> None:
    for exponent in [*range(1, 140), 1000, 4096]:
        for near in (-1, 0, 1):
            assert travel(2**exponent + near) == 2**exponent + near
            assert travel([-(2**exponent) + near]) == [-(2**exponent) + near]


def test_nan_and_infinities() -> None:
    assert math.isnan(travel(math.nan))
    assert travel([math.inf, -math.inf]) == [math.inf, -math.inf]
    assert math.copysign(1, travel(-0.0)) == -1


def test_numpy_scalars_arrive_as_their_items() -> None:
    numpy = pytest.importorskip("numpy")
    values = [
        *(numpy.bool_(True), numpy.int8(-5), numpy.uint64(2**64 - 1), numpy.float16(0.5), numpy.float32(0.1)),
        *(numpy.float64(2), numpy.str_("s"), numpy.bytes_(b"b")),
    ]
    assert show(travel(values)) == show([value.item() for value in values])
    assert travel({numpy.int64(3): 1, numpy.str_("k"): 2}) == {3: 1, "k": 2}
    assert "arrays come in a later release" in refused(numpy.zeros(2), "unimplemented")
    assert "a complex128: send" in refused(numpy.complex128(1j))
    assert "a datetime64: send" in refused(numpy.datetime64("2020-01-01"))


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
    ids=repr,
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
        (len, "a function (builtin_function_or_method): callbacks come in a later release"),
        (lambda: 1, "a function (function): callbacks come in a later release"),
        (ValueError("x"), "an exception (ValueError): exceptions as values come in a later release"),
        (array.array("i"), "an array (array): arrays come in a later release"),
        ((x for x in ()), "an iterator (generator): streams, ipc.stream(iterable), come in a later release"),
        (agen(), "an iterator (async_generator): streams, ipc.stream(iterable), come in a later release"),
        (map(str, ()), "an iterator (map): streams, ipc.stream(iterable), come in a later release"),
        (zip(), "an iterator (zip): streams, ipc.stream(iterable), come in a later release"),
    ],
    ids=repr,
)
def test_what_comes_in_a_later_release_is_unimplemented(value: Any, reason: str) -> None:
    assert refused(value, "unimplemented").startswith(f"result cannot be sent: {reason}")
    assert refused([{"a": value}], "unimplemented").startswith(f"result[0].a cannot be sent: {reason}")


def test_files_and_coroutines_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        assert "ipc.stream(iterable)" in refused(file, "unimplemented")

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


def test_numpy_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numpy", raising=False)
    refused(object())
    assert "numpy" not in sys.modules


def test_random_values_arrive_as_the_rules_say() -> None:
    rng = random.Random(5)

    def some(depth: int) -> Any:
        if depth == 0 or rng.random() < 0.3:
            scalars = [None, True, rng.randrange(-(2**70), 2**70), rng.random(), "é" * rng.randrange(40), b"b"]
            return rng.choice([*scalars, datetime(2020, 1, 1, tzinfo=timezone.utc), Color.RED, Point(1, 2)])
        items = [some(depth - 1) for _ in range(rng.randrange(5))]
        return rng.choice([items, tuple(items), {f"k{i}": item for i, item in enumerate(items)}, {1, "a", 2.5}])

    for _ in range(2000):
        value = some(5)
        assert show(travel({1: value})[1]) == show(travel(value))


def test_ctrl_c_ends_encoding() -> None:
    @dataclasses.dataclass
    class Interrupted:
        value: int = 1

        def __getattribute__(self, name: str) -> Any:
            if name == "value" and not raised:
                raised.append(name)
                signal.raise_signal(signal.SIGINT)
            return object.__getattribute__(self, name)

    encoders: list[Callable[[Any], bytes]] = [
        lambda value: encode_result([value]),
        lambda value: encode_args((value,), {}),
        lambda value: encode_args((), {"x": value}),
    ]
    for encode in encoders:
        raised: list[str] = []
        with pytest.raises(KeyboardInterrupt):
            encode(Interrupted())
        assert len(encode(Interrupted())) > 5


class _InterruptedOnce:
    """Interrupts the thread where a function of the codec's begins, before a line of it has run."""

    def __init__(self) -> None:
        self.seen = False

    def __call__(self, frame: Any, event: str, _argument: Any) -> None:
        if event == "call" and not self.seen and frame.f_code.co_name in ("simplify", "read_extension"):
            self.seen = True
            raise KeyboardInterrupt


@pytest.mark.parametrize("value", [uuid.UUID(int=1), datetime.now(timezone.utc), {date.today()}], ids=repr)
def test_ctrl_c_as_a_function_of_the_codec_begins_ends_encoding_and_decoding(value: Any) -> None:
    data = encode_result([value])
    uses: list[Callable[[], Any]] = [lambda: encode_result([value])]
    if isinstance(value, datetime):
        uses.append(lambda: decode(data))
    for use in uses:
        interrupt = _InterruptedOnce()
        sys.setprofile(interrupt)
        try:
            with pytest.raises(KeyboardInterrupt):
                use()
        finally:
            sys.setprofile(None)
        assert interrupt.seen
        use()
