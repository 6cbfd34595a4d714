"""Values of other packages, and the advice for what is not sent: it works for a value of that very type."""

from __future__ import annotations

import argparse
import asyncio
import collections
import io
import os
import re
import sqlite3
import subprocess
import sys
import types
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import attrs
import msgspec
import numpy
import pandas
import pydantic
import pydantic.v1
import pytest
from value_notation import show

from ipcbridge._errors import IpcError
from ipcbridge._values import decode, encode_result


class Address(pydantic.BaseModel):
    street: str
    tags: set[str] = set()


class Person(pydantic.BaseModel):
    name: str
    address: Address
    _secret: int = 1
    kind: ClassVar[str] = "person"


class Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    name: str


class Links(pydantic.BaseModel):
    page: pydantic.HttpUrl
    database: pydantic.PostgresDsn


class Names(pydantic.RootModel[list[str]]):
    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        return iter(self.root)


@pydantic.dataclasses.dataclass
class Place:
    x: int


class OldPerson(pydantic.v1.BaseModel):
    name: str


@attrs.define
class Point:
    x: int
    inner: Any = None


@attrs.define(slots=False)
class Open3D(Point):
    z: int = 3


class Row(msgspec.Struct):
    id: int
    inner: Any = None


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (
            Person(name="a", address=Address(street="b", tags={"t"})),
            {"name": "a", "address": {"street": "b", "tags": {"t"}}},
        ),
        (Open(name="a", more=1), {"name": "a", "more": 1}),  # type: ignore[call-arg]
        (
            Links(page="http://a/b", database="postgres://a/b"),  # type: ignore[arg-type]
            {"page": "http://a/b", "database": "postgres://a/b"},
        ),
        (Names(["a", "b"]), ["a", "b"]),
        (Place(x=1), {"x": 1}),
        (OldPerson(name="a"), {"name": "a"}),
        (Point(1, Point(2)), {"x": 1, "inner": {"x": 2, "inner": None}}),
        (Open3D(1), {"x": 1, "inner": None, "z": 3}),
        (Row(1, Row(2)), {"id": 1, "inner": {"id": 2, "inner": None}}),
        (pandas.Timestamp(2020, 1, 2, tz="UTC"), pandas.Timestamp(2020, 1, 2, tz="UTC").to_pydatetime()),
        (pandas.DataFrame({"a": [1]}).to_dict("records"), [{"a": 1}]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_arrives_as(value: Any, arrives: Any) -> None:
    received = decode(encode_result({"v": [value]}))["v"][0]
    assert show(received).replace("UTC", "utc") == show(arrives).replace("UTC", "utc")


def test_a_url_of_yarl_arrives_as_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    class URL:
        def __str__(self) -> str:
            return "http://a/b"

    yarl = types.ModuleType("yarl")
    yarl.URL = URL  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "yarl", yarl)
    assert decode(encode_result([URL()])) == ["http://a/b"]


def test_a_field_that_cannot_be_sent_has_its_path() -> None:
    for value in (Open.model_construct(name=object()), Point(object()), Row(object())):  # type: ignore[arg-type]
        field = "id" if isinstance(value, Row) else "x" if isinstance(value, Point) else "name"
        with pytest.raises(IpcError, match=rf"^result\[0\]\.{field} cannot be sent: an instance of object"):
            encode_result([value])


def _generator() -> Iterator[int]:
    yield 1


async def _numbers() -> AsyncIterator[int]:
    yield 1


def _row() -> sqlite3.Row:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    row: sqlite3.Row = connection.execute("select 1 as a, 'x' as b").fetchone()
    connection.close()
    return row


def _entry() -> os.DirEntry[str]:
    with os.scandir("/") as entries:
        return next(entries)


_frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
_REFUSED: list[Any] = [
    *(_frame.index, pandas.Interval(0, 1), pandas.Period("2020-01")),
    *(pandas.NA, pandas.NaT, pandas.Timedelta(1, "s")),
    *(_frame.groupby("a"), _frame.groupby(["a", "b"]), _frame.groupby("a")["b"]),
    *(pandas.array([1, None]), pandas.array(["a", None]), pandas.array([1, 2]), pandas.Categorical(["a", None])),
    *(pandas.Index([1, None], dtype="Int64"), pandas.MultiIndex.from_tuples([(1, "a")])),
    *(numpy.complex64(1j), numpy.complex128(1j), numpy.longdouble(1.5)),
    *(numpy.datetime64("2020-01-01"), numpy.datetime64("2020-01-01T00:00:00.123456789"), numpy.timedelta64(5, "ns")),
    *(numpy.datetime64("NaT"), numpy.timedelta64("NaT", "s")),
    numpy.array([(1, 2.5)], dtype="i4,f8")[0],
    *(_entry(), pydantic.SecretStr("x"), pydantic.SecretBytes(b"x"), pydantic.Secret[int](3)),
    *(re.compile("a+"), re.match("a", "a"), _row()),
    *(timedelta(1), timezone.utc, 1j, Fraction(1, 3), slice(1, 2, None)),
    *(range(3), collections.deque([1]), {"a": 1}.keys(), {"a": 1}.items(), collections.ChainMap({"a": 1})),
    *(
        types.MappingProxyType({"a": 1}),
        collections.UserDict(a=1),
        collections.UserList([1]),
        collections.UserString("a"),
    ),
    *(types.SimpleNamespace(a=1), argparse.Namespace(a=1)),
    *(_generator(), map(str, [1]), zip([1], [2]), filter(None, [1]), iter([1]), enumerate("a"), reversed([1])),
    *(io.StringIO("a"), io.BytesIO(b"a"), ValueError("x"), memoryview(b"abcd")[::2]),
]


@pytest.mark.parametrize("value", _REFUSED, ids=lambda value: type(value).__name__)
def test_the_advice_works_for_that_very_value(value: Any) -> None:
    with pytest.raises(IpcError) as caught:
        encode_result({"v": value})
    assert caught.value.code in ("invalid_argument", "unimplemented")
    assert str(caught.value).startswith("result.v cannot be sent: ")
    advice = re.search(r"send (.*)$", str(caught.value))
    assert advice, caught.value
    encode_result(eval(advice[1], {"value": value, "os": os}))


def test_the_advice_for_files_works(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    for mode in ("r", "rb"):
        with (tmp_path / "file").open(mode) as value:
            with pytest.raises(IpcError, match=r"a file .* send value\.read\(\)$"):
                encode_result(value)
            assert decode(encode_result(value.read())) in ("text", b"text")


def test_the_advice_for_asynchronous_iterators_works() -> None:
    async def collect(value: AsyncIterator[int]) -> list[int]:
        with pytest.raises(IpcError, match=r"send \[item async for item in value\]$"):
            encode_result(value)
        return [item async for item in value]

    assert asyncio.run(collect(_numbers())) == [1]


def _modules_after(code: str) -> set[str]:
    printed = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(printed.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "",
        "codec.decode(codec.encode_result([1, 'a', None, 1.5, b'b', {'k': {1}}]))",
        "\ntry: codec.encode_result(object())\nexcept Exception: pass",
    ],
    ids=["import", "plain values", "a refusal"],
)
def test_other_packages_are_not_imported(code: str) -> None:
    loaded = _modules_after(f"import ipcbridge._values as codec\n{code}")
    tables = {"pandas", "pyarrow", "polars"}
    assert not loaded & {"numpy", *tables, "pydantic", "pydantic.main", "attr", "attrs", "msgspec", "ormsgpack"}


def test_plain_values_need_no_rules() -> None:
    loaded = _modules_after("import ipcbridge._values as codec\ncodec.decode(codec.encode_result([1, {'a': {2}}]))")
    assert not loaded & {"ipcbridge._values._simplify", "ipcbridge._values._hints", "ipcbridge._values._times"}


def test_a_module_that_only_pretends_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    makers: list[Callable[[], Any]] = [lambda: types.ModuleType("pandas"), lambda: types.SimpleNamespace(DataFrame=1)]
    for make in makers:
        monkeypatch.setitem(sys.modules, "pandas", make())
        with pytest.raises(IpcError, match="an instance of object"):
            encode_result(object())
    monkeypatch.setitem(sys.modules, "pandas", None)  # type: ignore[arg-type]
    with pytest.raises(IpcError, match="an instance of object"):
        encode_result(object())
