"""Tables as Python's libraries write them, and what JavaScript makes of them without apache-arrow, as JSON."""

from __future__ import annotations

import datetime
import decimal
import json
import sys
from typing import Any

import pandas
import polars
import pyarrow
from pyarrow import types

UTC = datetime.UTC


def stream(table: Any) -> bytes:
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)
    return sink.getvalue().to_pybytes()


def told(scalar: Any) -> Any:
    """A value in the notation of notation.mjs; { big } is a BigInt."""
    kind = scalar.type
    if not scalar.is_valid:
        return None
    if types.is_dictionary(kind) or isinstance(kind, pyarrow.BaseExtensionType):
        return told(scalar.value)
    if types.is_struct(kind):
        return {"object": [[field.name, told(scalar[index])] for index, field in enumerate(kind)]}
    if types.is_map(kind):
        return [[told(entry["key"]), told(entry["value"])] for entry in scalar.values]
    if types.is_nested(kind) and not types.is_union(kind):
        return [told(item) for item in scalar.values]
    if types.is_union(kind):
        return told(scalar.value)
    if types.is_timestamp(kind) or types.is_date64(kind):
        unit = getattr(kind, "unit", "ms")
        return {"instant": str(scalar.value * {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}[unit])}
    if types.is_date32(kind):
        return {"instant": str(scalar.value * 86_400 * 10**9)}
    if types.is_time(kind) or types.is_duration(kind):
        return {"big": str(scalar.value)}
    if types.is_decimal(kind):
        return format(scalar.as_py(), "f")
    value = scalar.as_py()
    if kind in (pyarrow.int64(), pyarrow.uint64()):
        return {"big": str(value)}
    if isinstance(value, pyarrow.MonthDayNano):
        return {
            "object": [["months", value.months], ["days", value.days], ["nanoseconds", {"big": str(value.nanoseconds)}]]
        }
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, float):
        return {"float": str(value).replace("inf", "Infinity")}
    return value


def case(
    name: str, table: Any, *, index: Any = None, dtypes: Any = None, labels: tuple[str, ...] = ()
) -> dict[str, Any]:
    columns = {column: table[column] for column in table.column_names if column not in labels}
    return {
        "name": name,
        "hex": stream(table).hex(),
        "columns": {column: [told(value) for value in values] for column, values in columns.items()},
        "index": index,
        "dtypes": dtypes or {column: str(values.type) for column, values in columns.items()},
    }


def columns(kind: Any, *values: Any) -> Any:
    array = pyarrow.array(values, kind)
    missing = pyarrow.array([*values[:-1], None], kind)
    return pyarrow.table({"all": array, "missing": missing, "nulls": pyarrow.nulls(len(values), kind)})


STRUCT = pyarrow.struct(
    [("x", pyarrow.int32()), ("__proto__", pyarrow.string()), ("1000", pyarrow.list_(pyarrow.bool_()))]
)
DAY = datetime.date(1969, 12, 31)
MOMENT = datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999)

TYPES: dict[str, tuple[Any, ...]] = {
    "int8": (pyarrow.int8(), -128, 127),
    "int16": (pyarrow.int16(), -(2**15), 1),
    "int32": (pyarrow.int32(), -(2**31), 1, 2),
    "int64": (pyarrow.int64(), -(2**63), 2**53 + 1),
    "uint8": (pyarrow.uint8(), 255, 0),
    "uint16": (pyarrow.uint16(), 2**16 - 1, 0),
    "uint32": (pyarrow.uint32(), 2**32 - 1, 0),
    "uint64": (pyarrow.uint64(), 2**64 - 1, 0),
    "float": (pyarrow.float32(), 1.5, float("nan")),
    "double": (pyarrow.float64(), 1e300, float("-inf"), -0.0),
    "bool": (pyarrow.bool_(), *([True, False, True] * 5)),
    "string": (pyarrow.string(), "a", "", "é漢😀", "\ufffd"),
    "large_string": (pyarrow.large_string(), "a", "", "é漢😀"),
    "binary": (pyarrow.binary(), b"a", b"", b"\xff\0"),
    "large_binary": (pyarrow.large_binary(), b"a", b"\xff"),
    "fixed_size_binary": (pyarrow.binary(3), b"abc", b"\0\0\0"),
    "date32": (pyarrow.date32(), DAY, datetime.date(9999, 12, 31)),
    "date64": (pyarrow.date64(), DAY),
    "timestamp[s]": (pyarrow.timestamp("s"), -1, 0),
    "timestamp[ms]": (pyarrow.timestamp("ms"), -1, 86_400_000),
    "timestamp[us, tz]": (pyarrow.timestamp("us", "Europe/Oslo"), -1, 999, 1000, -1001),
    "timestamp[ns]": (pyarrow.timestamp("ns"), -1, 999_999, -1_000_000, 2**63 - 1),
    "time32[s]": (pyarrow.time32("s"), 1),
    "time64[ns]": (pyarrow.time64("ns"), 1, 86_399_999_999_999),
    "duration[ms]": (pyarrow.duration("ms"), -5, 7),
    "month_day_nano_interval": (pyarrow.month_day_nano_interval(), (1, -2, 3)),
    "decimal32": (pyarrow.decimal32(5, 2), decimal.Decimal("-1.25"), decimal.Decimal("0.01")),
    "decimal64": (pyarrow.decimal64(18, 0), decimal.Decimal(10**17)),
    "decimal128": (pyarrow.decimal128(38, 10), decimal.Decimal("-1.25"), decimal.Decimal("9" * 28)),
    "decimal256": (pyarrow.decimal256(76, 38), decimal.Decimal("-" + "9" * 38), decimal.Decimal("0")),
    "list": (pyarrow.list_(pyarrow.int64()), [1, None], [], [2]),
    "large_list": (pyarrow.large_list(pyarrow.string()), ["a"], [None, "b"]),
    "fixed_size_list": (pyarrow.list_(pyarrow.float32(), 2), [1, 2], [3, None]),
    "list of lists": (pyarrow.list_(pyarrow.list_(pyarrow.date32())), [[DAY], None], []),
    "struct": (STRUCT, {"x": 1, "__proto__": "p", "1000": [True]}, {"x": None, "__proto__": None, "1000": None}),
    "struct of none": (pyarrow.struct([]), {}, {}),
    "map": (pyarrow.map_(pyarrow.string(), pyarrow.int32()), [("a", 1), ("b", None)], []),
    "null": (pyarrow.null(), None, None),
}


def typed() -> list[dict[str, Any]]:
    tables = {name: columns(kind, *values) for name, (kind, *values) in TYPES.items()}
    cases = [case(name, table) for name, table in tables.items()]
    cases += [case(f"batches of {name}", pyarrow.concat_tables([table, table[1:]])) for name, table in tables.items()]
    for kind in (pyarrow.int8(), pyarrow.uint16(), pyarrow.int64()):
        words = pyarrow.DictionaryArray.from_arrays(pyarrow.array([1, 0, None, 1], kind), ["a", None])
        cases.append(case(f"dictionary of {kind}", pyarrow.table({"words": words})))
    floats = pyarrow.array([1.5, None], pyarrow.float16())
    cases.append(case("halffloat", pyarrow.table({"some": floats, "all": floats.fill_null(0)})))
    kinds = pyarrow.array([0, 1, 0], pyarrow.int8())
    numbers, texts = pyarrow.array([1, 2, 3], pyarrow.int32()), pyarrow.array(["a", "b", "c"])
    sparse = pyarrow.UnionArray.from_sparse(kinds, [numbers, texts], ["n", "t"], [0, 1])
    dense = pyarrow.UnionArray.from_dense(
        pyarrow.array([9, 5, 9], pyarrow.int8()),
        pyarrow.array([1, 0, 0], pyarrow.int32()),
        [numbers, texts],
        ["n", "t"],
        [9, 5],
    )
    dtypes = {"sparse": "sparse_union<n: int32, t: string>", "dense": "dense_union<n: int32, t: string>"}
    cases.append(case("unions", pyarrow.table({"sparse": sparse, "dense": dense}), dtypes=dtypes))
    cases.append(
        case("no rows", pyarrow.table({"a": pyarrow.array([], pyarrow.int64()), "b": pyarrow.array([], "string")}))
    )
    cases.append(case("no columns", pyarrow.table({})))
    cases.append(case("no batches", pyarrow.Table.from_batches([], pyarrow.schema({"a": "float64", "s": "string"}))))
    replaced = pyarrow.chunked_array([pyarrow.array(list(words)).dictionary_encode() for words in ("ab", "ba", "c")])
    cases.append(case("a dictionary for each batch", pyarrow.table({"words": replaced})))
    return cases


def frames() -> list[dict[str, Any]]:
    data = {"n": [1, 2], "x": [0.5, 1.5], "s": ["a", "b"]}
    dtypes = {"n": "int64", "x": "float64", "s": "str"}
    frame = pandas.DataFrame(data)

    def of(name: str, frame: Any, index: Any, dtypes: Any = dtypes, **options: Any) -> dict[str, Any]:
        return case(
            f"pandas: {name}", pyarrow.Table.from_pandas(frame, **options), index=index, dtypes=dtypes, **labels
        )

    labels: dict[str, Any] = {}
    cases = [
        of("a range", frame, [0, 1]),
        of("another range", frame.set_axis(pandas.RangeIndex(10, 4, -3)), [10, 7]),
        of("without an index", frame, [0, 1], preserve_index=False),
        of("a stale range", frame.iloc[:0], []),
    ]
    labels = {"labels": ("__index_level_0__",)}
    cases.append(of("labels", frame.set_axis(["é", "f"]), ["é", "f"]))
    days = pandas.DatetimeIndex(["1970-01-01", "1970-01-02"], tz="UTC")
    cases.append(of("times", frame.set_axis(days), [{"instant": "0"}, {"instant": str(86_400 * 10**9)}]))
    labels = {"labels": ("n", "s")}
    levels = [[{"big": "1"}, "a"], [{"big": "2"}, "b"]]
    cases.append(of("two levels", frame.set_index(["n", "s"]), levels, {"x": "float64"}))
    labels = {}
    kinds = pandas.DataFrame(
        {
            "i": pandas.array([1, None], "Int64"),
            "c": pandas.Categorical(["a", None]),
            "z": pandas.to_datetime(["1970-01-01", None], utc=True).as_unit("us"),
            "o": [decimal.Decimal("1.5"), None],
            "p": pandas.period_range("2020", periods=2, freq="D"),
            0: [1.5, float("nan")],
        }
    )
    dtypes = {
        "i": "Int64",
        "c": "category",
        "z": "datetime64[us, UTC]",
        "o": "object",
        "p": "period[D]",
        "0": "float64",
    }
    cases.append(of("dtypes", kinds, [0, 1], dtypes))
    missing = pyarrow.Table.from_pandas(frame.set_index("s")).drop_columns("s")
    cases.append(case("pandas: labels that were dropped", missing, index=[0, 1], dtypes={"n": "int64", "x": "float64"}))
    odd = pyarrow.table({"a": pyarrow.array([1], pyarrow.int8())})
    for text in ("", "[]", "{", '{"index_columns": [{"kind": "range"}, 7], "columns": [1, {}]}'):
        index = [0] if text.startswith("{") and len(text) > 1 else None
        metadata = odd.replace_schema_metadata({"pandas": text})
        cases.append(case(f"pandas: metadata {text!r}", metadata, index=[0] if text == "[]" else index))
    return cases


def polar() -> list[dict[str, Any]]:
    frame = polars.DataFrame({"n": [1, None], "s": ["a" * 20, None], "l": [[1.5], []], "d": [MOMENT, None]})
    buffer = frame.write_ipc_stream(None, compression="uncompressed", compat_level=polars.CompatLevel.oldest())
    table = pyarrow.ipc.open_stream(buffer.getvalue()).read_all()
    return [case("polars", table) | {"hex": buffer.getvalue().hex()}]


json.dump([*typed(), *frames(), *polar()], sys.stdout)
