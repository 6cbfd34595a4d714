"""What only Python has: its types beyond the wire's, and code of the user's."""

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
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

import pytest
from parameter_ids import shown
from travel import Name, Text, User, refused, travel
from value_notation import show

from ipcbridge._values import decode, decode_args, encode_args, encode_result


class Point(NamedTuple):
    x: int
    y: int


class Color(enum.Enum):
    RED = "red"
    PAIR = (1, 2)


class Level(enum.IntEnum):
    LOW = 1


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
    ids=shown,
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
    assert "a complex128: send" in refused(numpy.complex128(1j))
    assert "a datetime64: send" in refused(numpy.datetime64("2020-01-01"))


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


@pytest.mark.parametrize(
    "value", [uuid.UUID(int=1), datetime(2026, 1, 2, tzinfo=timezone.utc), {date(2026, 1, 2)}], ids=shown
)
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
