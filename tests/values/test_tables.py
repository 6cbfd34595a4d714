"""Tables on their way through the codec: docs/tables.md."""

from __future__ import annotations

import decimal
import re
import subprocess
import sys
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pytest
from make_tables import plain
from polars.testing import assert_frame_equal as assert_polars_equal
from polars.testing import assert_series_equal as assert_polars_series_equal
from table_vectors import VECTORS
from travel import refused

from ipcbridge._errors import IpcError
from ipcbridge._values import decode, decode_args, encode_args, encode_result

NAN = float("nan")


def travel(value: Any) -> Any:
    arrived = decode(encode_result([value]))[0]
    assert type(arrived) is type(value)
    return arrived


_INDEX = pandas.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["p", None])
_MONTHS = pandas.period_range("2020", periods=2, freq="M")
_COLUMNS = pandas.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["p", "q"])
FRAMES = {
    "numbers": pandas.DataFrame({"a": [1, 2], "b": [1.5, NAN], "c": numpy.array([1, 2], "u1")}),
    "booleans and text": pandas.DataFrame({"a": [True, False], "b": ["x", None], "é": ["", "y"]}),
    "nothing": pandas.DataFrame(),
    "no rows": pandas.DataFrame({"a": pandas.Series([], dtype="int8"), "b": pandas.Series([], dtype="str")}),
    "no columns": pandas.DataFrame(index=[1, 2, 3]),
    "categories": pandas.DataFrame({"a": pandas.Categorical(["x", None], ["y", "x"], ordered=True)}),
    "moments": pandas.DataFrame({"a": pandas.to_datetime(["2020", None]), "b": pandas.to_timedelta([1, None], "s")}),
    "moments in a zone": pandas.DataFrame({"a": pandas.date_range("2020-06", periods=2, tz="Europe/Berlin")}),
    "periods and intervals": pandas.DataFrame(
        {"a": pandas.period_range("2020", periods=2, freq="M"), "b": pandas.interval_range(0, 2)}
    ),
    "dtypes with NA": pandas.DataFrame(
        {
            "a": pandas.array([1, None], "Int64"),
            "b": pandas.array([True, None], "boolean"),
            "c": pandas.array(["x", None], "string"),
            "d": pandas.array([1.5, None], "Float32"),
        }
    ),
    "dtypes of Arrow": pandas.DataFrame(
        {
            "a": pandas.Series([1, None], dtype="int32[pyarrow]"),
            "b": pandas.Series([[1], None], dtype=pandas.ArrowDtype(pyarrow.list_(pyarrow.int64()))),
            "c": pandas.Series([{"p": 1}, None], dtype=pandas.ArrowDtype(pyarrow.struct([("p", pyarrow.int8())]))),
            "d": pandas.Series([1, None], dtype="timestamp[us][pyarrow]"),
        }
    ),
    "objects": pandas.DataFrame(
        {
            "a": [decimal.Decimal("1.50"), None],
            "b": [b"x", None],
            "c": [date(2020, 1, 1), None],
            "d": [{"p": 1}, {"p": 2}],
            "e": [time(1), None],
            "f": [None, None],
        },
        dtype=object,
    ),
    "an index": pandas.DataFrame({"a": [1, 2]}, index=["x", "y"]),
    "an index with a column's name": pandas.DataFrame({"a": [1, 2]}, index=pandas.Index([5, 6], name="a")),
    "a range": pandas.DataFrame({"a": [1, 2]}, index=pandas.RangeIndex(4, 0, -2, name="r")),
    "an index of periods": pandas.DataFrame({"a": [1, 2]}, _MONTHS.set_names("p")),
    "an index of intervals": pandas.DataFrame({"a": [1, 2]}, pandas.interval_range(0, 2)),
    "levels of intervals": pandas.DataFrame({"a": [1, 2]}, [pandas.interval_range(0, 2), _MONTHS, ["x", "y"]]),
    "names of an index that are numbers": pandas.DataFrame({"a": [1, 2]}, _INDEX.set_names([0, numpy.int64(5)])),
    "a name of a range that is a number": pandas.DataFrame({"a": [1, 2]}, pandas.RangeIndex(2, name=0)),
    "integers that no float holds": pandas.DataFrame({"a": [2**60 + 1, None]}, dtype=object),
    "levels": pandas.DataFrame({"a": [1, 2]}, index=_INDEX),
    "levels of columns": pandas.DataFrame([[1, 2]], columns=_COLUMNS),
    "columns that are numbers": pandas.DataFrame([[1, 2]], columns=pandas.Index([7, 8], name="n")),
    "columns that are moments": pandas.DataFrame([[1, 2]], columns=pandas.to_datetime(["2020", "2021"])),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_a_frame_of_pandas_arrives_as_it_was(frame: Any) -> None:
    pandas.testing.assert_frame_equal(travel(frame), frame, check_freq=False)
    # pyarrow does not know what an index of text without any is.
    pandas.testing.assert_frame_equal(travel(frame[:0]), frame[:0], check_freq=False, check_index_type=False)


SERIES = [
    *(pandas.Series([1, 2]), pandas.Series([1, 2], name=""), pandas.Series([1.5, NAN], ["a", "b"], name="x")),
    *(pandas.Series([1, 2], name=5), pandas.Series([1, 2], name=("a", 1)), pandas.Series([1, 2], _INDEX, name="x")),
    *(pandas.Series([], dtype="float32"), pandas.Series(["a", None], dtype="category", name="c")),
    *(pandas.Series([1], name=pandas.Timestamp(2020, 1, 1)), pandas.Series([[1], [2]], dtype=object).map(numpy.array)),
]


@pytest.mark.parametrize("series", SERIES, ids=lambda series: f"{series.dtype} {series.name!r}")
def test_a_series_of_pandas_arrives_as_it_was(series: Any) -> None:
    arrived = travel(series)
    pandas.testing.assert_series_equal(arrived, series)
    assert arrived.name == series.name


def test_a_frame_of_pandas_keeps_its_attributes_and_can_be_changed() -> None:
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    frame.attrs["source"] = {"file": "x.csv"}
    arrived = travel(frame)
    assert arrived.attrs == frame.attrs
    arrived.loc[0, "a"] = 9
    arrived["c"] = 1
    assert arrived.to_dict("list") == {"a": [9, 2], "b": [3, 4], "c": [1, 1]}


def test_lists_in_a_column_of_objects_arrive_as_arrays_and_dicts_with_all_their_keys() -> None:
    arrived = travel(pandas.DataFrame({"a": [[1, 2], []], "b": [{"p": 1}, {"q": 2}]}))
    assert [each.tolist() for each in arrived["a"]] == [[1, 2], []]
    assert arrived["b"].tolist() == [{"p": 1, "q": None}, {"p": None, "q": 2}]


POLARS = {
    "numbers": polars.DataFrame({"a": [1, None], "b": [1.5, NAN], "c": polars.Series([1, 2], dtype=polars.UInt8)}),
    "booleans, text and bytes": polars.DataFrame({"a": [True, None], "b": ["é", None], "c": [b"x", None]}),
    "nothing": polars.DataFrame(),
    "nulls": polars.DataFrame({"a": [None, None], "": [1, 2]}),
    "categories": polars.DataFrame(
        {
            "a": polars.Series(["x", None], dtype=polars.Categorical),
            "b": polars.Series(["p"] * 2, dtype=polars.Enum("qp")),
        }
    ),
    "times": polars.DataFrame({"a": [date(2020, 1, 1), None], "b": [time(1), None], "c": [timedelta(1), None]}),
    "moments": polars.DataFrame(
        {"a": [datetime(2020, 1, 1), None], "b": [datetime(2020, 1, 1, tzinfo=timezone.utc)] * 2}
    ),
    "decimals": polars.DataFrame({"a": [decimal.Decimal("1.50"), None]}),
    "nested": polars.DataFrame(
        {
            "a": [[1], None],
            "b": [{"p": ["x"]}, None],
            "c": polars.Series([[1, 2], [3, 4]], dtype=polars.Array(polars.Int8, 2)),
        }
    ),
}


@pytest.mark.parametrize("frame", POLARS.values(), ids=POLARS)
def test_a_frame_of_polars_arrives_as_it_was(frame: Any) -> None:
    assert_polars_equal(travel(frame), frame)
    assert_polars_equal(travel(frame[:0]), frame[:0])
    for series in frame:
        assert_polars_series_equal(travel(series), series)


ARROW = {
    "a table": pyarrow.table({"a": [1, None], "b": ["x", "é"]}),
    "nothing": pyarrow.table({}),
    "no rows": pyarrow.schema([("a", pyarrow.int8())]).empty_table(),
    "a batch": pyarrow.record_batch({"a": [1, None]}),
    "a batch of no rows": pyarrow.record_batch({"a": pyarrow.array([], pyarrow.int8())}),
    "chunks": pyarrow.table({"a": pyarrow.chunked_array([[1], [2, 3]])}),
    "dictionaries": pyarrow.table(
        {"a": pyarrow.chunked_array([pyarrow.array([each]).dictionary_encode() for each in ("x", "y")])}
    ),
    "metadata": pyarrow.table({"a": [1]}).replace_schema_metadata({"k": "v"}),
    "an extension type": pyarrow.table({"a": pyarrow.array([b"0" * 16], pyarrow.uuid())}),
    "maps and unions": pyarrow.table(
        {
            "a": pyarrow.array([[(1, "x")], None], pyarrow.map_(pyarrow.int8(), pyarrow.string())),
            "b": pyarrow.UnionArray.from_sparse(
                pyarrow.array([0, 1], "i1"), [pyarrow.array([1, 2]), pyarrow.array("xy")]
            ),
        }
    ),
    "a slice": pyarrow.table({"a": list(range(100)), "b": list(map(str, range(100))), "c": [True, None] * 50})[13:77],
    "nulls": pyarrow.table({"a": pyarrow.nulls(10_000_000)}),
}


@pytest.mark.parametrize("table", ARROW.values(), ids=ARROW)
def test_a_table_of_pyarrow_arrives_as_it_was(table: Any) -> None:
    arrived = travel(table)
    assert arrived.equals(table, check_metadata=True)
    if isinstance(table, pyarrow.Table):
        assert [column.num_chunks for column in arrived.columns] == [column.num_chunks for column in table.columns]


def test_views_of_strings_and_bytes_arrive_as_what_they_show() -> None:
    views = pyarrow.table(
        {"a": pyarrow.array(["x"], pyarrow.string_view()), "b": pyarrow.array([b"y"], pyarrow.binary_view())}
    )
    arrived = travel(views)
    assert arrived.schema.types == [pyarrow.large_string(), pyarrow.large_binary()]
    assert arrived.to_pydict() == {"a": ["x"], "b": [b"y"]}


KINDS = {
    "pandas": pandas.DataFrame,
    "pandas.series": pandas.Series,
    "polars": polars.DataFrame,
    "batch": pyarrow.RecordBatch,
}


@pytest.mark.parametrize("vector", VECTORS["tables"], ids=lambda vector: vector["name"])
def test_what_both_languages_read(vector: dict[str, Any]) -> None:
    arrived = decode(bytes.fromhex(vector["hex"]))
    assert type(arrived) is KINDS.get(vector["kind"], pyarrow.Table)
    again = decode(encode_result(arrived))
    assert type(again) is type(arrived)
    if isinstance(arrived, (pyarrow.Table, pyarrow.RecordBatch)):
        assert [str(each) for each in arrived.schema.types] == vector["types"]
        assert {key: plain(values) for key, values in arrived.to_pydict().items()} == vector["columns"]
        assert again.equals(arrived)


def test_tables_stand_wherever_values_do() -> None:
    table, frame = pyarrow.table({"a": [1]}), pandas.DataFrame({"b": [2]})
    args, kwargs = decode_args(encode_args((table, {"x": [frame, 1]}), {"k": table}))
    assert args[0].equals(table)
    assert args[1]["x"][0].equals(frame)
    assert args[1]["x"][1] == 1
    assert kwargs["k"].equals(table)


def test_what_is_refused_has_its_path_and_names_its_column() -> None:
    message = refused([{"k": pandas.DataFrame({"fine": [1, 2], "mixed": [1, "x"]})}])
    assert message.startswith(
        "result[0].k cannot be sent: a DataFrame with a column 'mixed' of object that Arrow cannot carry"
    )


class Odd:
    pass


_CUT = pandas.cut([1, 5], [0, 3, 6])
_LISTS = pyarrow.table({"a": pyarrow.array([[1]], pyarrow.list_view(pyarrow.int64()))})
REFUSED = [
    (pandas.DataFrame([[1, 2]], columns=["a", "a"]), "two columns of one name"),
    (pandas.DataFrame({"a": [1], 2: [3]}), "names of columns that are mixed"),
    (pandas.Series([1], name=frozenset({1})), "names of columns that are mixed"),
    (
        pandas.DataFrame({True: [1], False: [2]}),
        r"boolean, which .*: send value.rename\(columns=str\)",
    ),
    (pandas.DataFrame([[1, 2]], columns=_MONTHS), "that are period"),
    (pandas.DataFrame({0: _CUT}), r"a column '0' of dictionary<.*: send value.astype\({0: str}\)"),
    (pandas.DataFrame({"a": [1, 2]}, _CUT), r"send value.set_axis\(value.index.astype\(str\)\)"),
    (pandas.Series(_CUT), r"send value.astype\(str\)"),
    (pandas.DataFrame({"a": [1, "x"], "b": [NAN, 1]}), "a column 'a' of object"),
    (pandas.DataFrame({"a": [2**70]}), "Arrow cannot carry"),
    (pandas.DataFrame({"a": pandas.arrays.SparseArray([0, 1])}), "Sparse"),
    (pandas.Series([1, "x"]), "a Series of object that Arrow cannot carry"),
    (pandas.Series([{1}, 2]), "a Series of object that Arrow cannot carry"),
    (polars.Series("i", [1], dtype=polars.Int128), "a column 'i' of Int128"),
    (polars.DataFrame({"s": polars.Series([[1]], dtype=polars.List(polars.Int128))}), r"List\(Int128\)"),
    (polars.DataFrame({"a\0b": [1]}), "a DataFrame that Arrow cannot carry"),
    (polars.DataFrame({"s": [1]}).lazy(), r"LazyFrame: send value.collect\(\)"),
    (_LISTS, "column 'a' of list_view<item: int64>, which not every language reads"),
    (pyarrow.table({"a": pyarrow.RunEndEncodedArray.from_arrays([2], [1])}), "run_end_encoded<"),
    (pyarrow.table({"a": pyarrow.DictionaryArray.from_arrays([0], [[1]])}), r"dictionary<values=list<"),
    (_LISTS.to_batches()[0], "a RecordBatch with a column"),
    (pyarrow.array([1, None]), "Int64Array"),
    (pyarrow.chunked_array([[1], [2]]), "ChunkedArray"),
    (pyarrow.scalar(1), "Int64Scalar"),
    (pyarrow.table({"a": [1]}).to_reader(), "RecordBatchReader, which is read once"),
]


@pytest.mark.parametrize(("value", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_refused_with_advice_that_works(value: Any, reason: str) -> None:
    message = refused({"v": value})
    assert re.search(reason, message), message
    advice = re.search(r": send (\S.*)$", message)
    assert advice, message
    encode_result(eval(advice[1], {"value": value, "pyarrow": pyarrow}))


def test_what_arrow_and_plain_values_cannot_carry_is_told_as_such() -> None:
    for frame in (pandas.DataFrame({"a": [Odd()]}), pandas.DataFrame({"a": [1j]}), polars.DataFrame({"a": [Odd()]})):
        assert "with a column 'a' of" in refused(frame)


def test_a_table_as_a_key_is_refused() -> None:
    vector = bytes.fromhex(VECTORS["tables"][0]["hex"])
    for tag, contents in ((1, b"\x92" + vector + b"\xc0"), (2, b"\x91" + vector)):
        with pytest.raises(IpcError, match="has no form in Python") as caught:
            decode(b"\xc8" + len(contents).to_bytes(2, "big") + bytes((tag,)) + contents)
        assert caught.value.code == "invalid_argument"


class Hashable(pandas.DataFrame):
    __hash__ = object.__hash__


class Pixels:
    __array_interface__ = {"version": 3, "typestr": "|u1", "shape": (1,), "data": b"x"}  # noqa: RUF012


@pytest.mark.parametrize("key", [Hashable({"a": [1]}), Pixels()])
def test_a_table_or_an_array_as_a_key_is_sent_as_such(key: Any) -> None:
    for value in ({key}, {key: 1}, {1: 2, key: 1}):
        with pytest.raises(IpcError, match="has no form in Python"):
            decode(encode_result(value))


WITHOUT = """
import sys
for name in {missing}:
    sys.modules[name] = None
from ipcbridge._errors import IpcError
from ipcbridge._values import decode, encode_result
def outcome(do, value):
    try:
        found = do(value)
        return type(found).__module__.split(".")[0], type(found).__name__
    except IpcError as error:
        return error.code, str(error)
for line in sys.stdin:
    print(outcome(decode, bytes.fromhex(line)))
"""


def outcomes(missing: list[str], more: str = "") -> list[tuple[str, str]]:
    """Of a frame and a series of pandas, a table and a frame of polars, where some packages are not installed."""
    values = [FRAMES["numbers"], SERIES[2], ARROW["a table"], POLARS["numbers"]]
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(missing=missing) + more],
        input="\n".join(encode_result(value).hex() for value in values),
        capture_output=True,
        text=True,
        check=True,
    )
    return [eval(line) for line in child.stdout.splitlines()]


def test_where_a_package_is_missing_another_is_used() -> None:
    frame, series, table = ("pandas", "DataFrame"), ("pandas", "Series"), ("pyarrow", "Table")
    assert outcomes([]) == [frame, series, table, ("polars", "DataFrame")]
    assert outcomes(["polars"]) == [frame, series, table, table]
    assert outcomes(["pandas"]) == [table, table, table, ("polars", "DataFrame")]
    assert outcomes(["pyarrow"]) == [("polars", "DataFrame"), ("polars", "DataFrame"), *[("polars", "DataFrame")] * 2]


def test_where_none_is_there_the_call_fails_and_says_what_to_install() -> None:
    found = outcomes(["pyarrow", "polars"], "print(('ok', str(decode(encode_result([1])))))")
    assert {code for code, _ in found[:-1]} == {"failed_precondition"}
    assert all(message.endswith(": pip install 'pyarrow>=14.0.1'") for _, message in found[:-1])
    assert found[-1] == ("ok", "[1]")


SENT_WITHOUT = """
import pandas, polars
print(outcome(encode_result, pandas.DataFrame({'a': [1]})))
print(outcome(encode_result, pandas.Series([1])))
print(decode(encode_result(polars.DataFrame({'a': ['x', None]}))).rows() == [('x',), (None,)])
"""


def test_without_pyarrow_pandas_is_refused_and_polars_is_sent() -> None:
    *_, frame, series, is_same = outcomes(["pyarrow"], SENT_WITHOUT)
    for code, message in (frame, series):
        assert code == "failed_precondition"
        assert message.endswith(": pip install 'pyarrow>=14.0.1'")
    assert is_same is True


def test_a_polars_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(polars, "CompatLevel")
    monkeypatch.setattr(polars, "__version__", "1.1.0")
    message = refused(POLARS["numbers"], "failed_precondition")
    assert message.endswith("a DataFrame of polars 1.1.0, which is too old: pip install 'polars>=1.2'")


OLD = "pyarrow = sys.modules.get('pyarrow') or __import__('pyarrow'); pyarrow.__version__ = '14.0.0'\n"


def test_a_pyarrow_that_unpickles_is_not_used() -> None:
    child = WITHOUT.format(missing=["polars"]).replace("def outcome", f"{OLD}def outcome")
    given = encode_result(ARROW["a table"]).hex()
    done = subprocess.run([sys.executable, "-c", child], input=given, capture_output=True, text=True, check=True)
    code, message = eval(done.stdout)
    assert code == "failed_precondition"
    assert "it is 14.0.0, which can be made to run code by what it reads" in message
