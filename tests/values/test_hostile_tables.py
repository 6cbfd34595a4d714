"""What no sender of a table makes: each is a value or an error with a code, never a crash, and never much of little."""

from __future__ import annotations

import contextlib
import json
import os
import random
import struct
import subprocess
import sys
from typing import Any

import pandas
import pyarrow
import pytest
from make_tables import END, encoded, messages, with_one_field_repeated, written
from table_vectors import VECTORS
from value_notation import mutated

from ipcbridge._errors import IpcError
from ipcbridge._values import decode, encode_result

KINDS = ["table", "batch", "pandas", "pandas.series", "polars", "polars.series"]
MAX_WEIGHT = 8_388_608
ROUNDS = int(os.environ.get("IPCBRIDGE_FUZZ_ROUNDS", "60"))
"""How often each of the streams that are forged is changed."""


def code_of(data: bytes) -> str:
    with pytest.raises(IpcError) as caught:
        decode(data)
    return caught.value.code


@pytest.mark.parametrize("vector", VECTORS["malformed"], ids=lambda vector: vector["name"])
def test_what_is_malformed_is_refused(vector: dict[str, Any]) -> None:
    assert code_of(bytes.fromhex(vector["hex"])) == "data_loss"


@pytest.mark.parametrize("vector", VECTORS["tables"], ids=lambda vector: vector["name"])
def test_a_stream_that_is_cut_off_is_refused(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    stream = data[data.index(b"\xff\xff\xff\xff") :]
    for end in range(0, len(stream), 8):
        assert code_of(encoded(vector["kind"], stream[:end])) == "data_loss"


def numbers_changed(data: bytes, rng: random.Random) -> bytes:
    """`data` with some of its numbers replaced: offsets, sizes, counts and places in flatbuffers are such."""
    copy = bytearray(data)
    begin = data.index(b"\xff\xff\xff\xff")
    for _ in range(rng.randint(1, 4)):
        form = rng.choice(["<b", "<h", "<i", "<q"])
        at = rng.randrange(begin, len(copy) - 8, struct.calcsize(form))
        (there,) = struct.unpack_from(form, copy, at)
        bits = 8 * struct.calcsize(form)
        number = rng.choice(
            (0, 1, -1, there + 1, there - 1, 8 * there, 1 << bits - 2, (1 << bits - 1) - 8, -1 << bits - 1)
        )
        struct.pack_into(form, copy, at, (number + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1))
    return bytes(copy)


def try_reading(forged: bytes) -> str | None:
    """The code of the error, or None: then what it has become has been read to its end."""
    try:
        encode_result(decode(forged))
    except IpcError as error:
        return error.code
    return None


@pytest.mark.parametrize("vector", VECTORS["tables"], ids=lambda vector: vector["name"])
@pytest.mark.parametrize("change", [mutated, numbers_changed])
@pytest.mark.filterwarnings("ignore")
def test_what_is_changed_on_its_way_is_a_table_or_an_error(vector: Any, change: Any) -> None:
    data = bytes.fromhex(vector["hex"])
    stream = data[data.index(b"\xff\xff\xff\xff") :]
    rng = random.Random(vector["name"])
    codes = {try_reading(change(encoded(rng.choice(KINDS), stream), rng)) for _ in range(ROUNDS)}
    assert codes <= {None, "data_loss", "out_of_range", "resource_exhausted", "invalid_argument"}
    assert "data_loss" in codes


WITHOUT_ARROW = """
import sys
sys.modules["pyarrow"] = None
from ipcbridge._errors import IpcError
from ipcbridge._values import decode, encode_result
from ipcbridge._values._table_stream import Metadata
for line in sys.stdin:
    try:
        encode_result(decode(bytes.fromhex(line)))
        print("None")
    except IpcError as error:
        print(error.code)
"""


def test_polars_alone_reads_such_streams_as_well() -> None:
    rng = random.Random("polars")
    good = [bytes.fromhex(vector["hex"]) for vector in VECTORS["tables"]]
    forged = [change(data, rng) for data in good for change in (mutated, numbers_changed) for _ in range(ROUNDS)]
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT_ARROW],
        input="\n".join(data.hex() for data in (*good, *forged)),
        capture_output=True,
        text=True,
        check=True,
    )
    codes = child.stdout.split()
    assert len(codes) == len(good) + len(forged)
    assert set(codes) <= {"None", "data_loss", "invalid_argument", "resource_exhausted"}
    assert codes[0] == "None"
    assert "data_loss" in codes


def nulls(count: int, **columns: Any) -> Any:
    return pyarrow.table({"n": pyarrow.nulls(count), **columns})


def of_pandas(table: Any) -> bytes:
    return encoded("pandas", written(table))


def test_elements_that_become_objects_are_weighed_in_a_frame_of_pandas() -> None:
    fits = MAX_WEIGHT - 13
    assert len(decode(of_pandas(nulls(fits)))) == fits
    assert code_of(of_pandas(nulls(fits + 1))) == "resource_exhausted"
    claimed = written(nulls(77)).replace(struct.pack("<q", 77), struct.pack("<q", 1 << 40))
    assert code_of(encoded("pandas", claimed)) == "resource_exhausted"
    half = of_pandas(nulls(MAX_WEIGHT // 2))
    assert code_of(b"\x92" + half + half) == "resource_exhausted"
    assert decode(encoded("table", claimed)).num_rows == 1 << 40


@pytest.mark.parametrize(
    "column",
    [
        pyarrow.array([], pyarrow.list_(pyarrow.null())),
        pyarrow.array([b""] * 9, pyarrow.binary(0)),
        pyarrow.array([[]] * 9, pyarrow.list_(pyarrow.int8(), 0)),
        pyarrow.array([{}] * 9, pyarrow.struct([])),
        pyarrow.array([[(1, [None])]] * 9, pyarrow.map_(pyarrow.int8(), pyarrow.list_(pyarrow.null()))),
    ],
    ids=lambda column: str(column.type),
)
def test_so_are_those_in_lists_and_those_without_bytes(column: Any) -> None:
    if len(column) == 0:
        many = pyarrow.nulls(MAX_WEIGHT)
        column = pyarrow.ListArray.from_arrays(pyarrow.array([0, MAX_WEIGHT], "i4"), many)
        assert code_of(of_pandas(pyarrow.table({"a": column}))) == "resource_exhausted"
        return
    weight = {"list": 9, "fixed": 9, "struct": 9, "map": 9 * 4}[str(column.type).split("_")[0].split("<")[0]]
    padding = nulls(len(column), a=column)
    data = of_pandas(padding)
    room = MAX_WEIGHT - 4 - 13 - 9 - weight
    filler = b"\xdd" + struct.pack(">I", room) + b"\xc0" * (room - 1) + data
    assert decode(filler)[-1].shape == (9, 2)
    assert code_of(b"\x92\xc0" + filler) == "resource_exhausted"


def test_batches_weigh_whatever_is_in_them() -> None:
    schema = pyarrow.schema([(f"c{place}", pyarrow.int8()) for place in range(1023)])
    begin, batch = messages(written(pyarrow.RecordBatch.from_pylist([], schema)))

    def of(batches: int) -> bytes:
        return encoded("table", begin + batch * batches + END)

    assert decode(of(1024))["c0"].num_chunks == 1024
    assert code_of(of(1026)) == "resource_exhausted"
    assert code_of(b"\x92" + of(600) + of(600)) == "resource_exhausted"


def test_compressed_bodies_are_refused_before_they_are_unpacked() -> None:
    zeros = pyarrow.table({"a": [0] * (1 << 20)})
    for codec in ("zstd", "lz4"):
        bomb = written(zeros, compression=codec)
        assert len(bomb) < 100_000
        assert code_of(encoded("table", bomb)) == "data_loss"


LEVEL = {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object", "metadata": None}
COLUMN = {"name": "a", "field_name": "a", "pandas_type": "int64", "numpy_type": "int64", "metadata": None}


def with_metadata(**changes: Any) -> bytes:
    table = pyarrow.Table.from_pandas(pandas.DataFrame({"a": [1, 2]}))
    described = {**table.schema.pandas_metadata, **changes}
    return of_pandas(table.replace_schema_metadata({b"pandas": json.dumps(described).encode()}))


@pytest.mark.parametrize(
    "changes",
    [
        {"column_indexes": [{"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "U900000000"}]},
        {"columns": [{"name": "a", "field_name": "a", "pandas_type": "int64", "numpy_type": "V2000000000"}]},
        {"columns": [{"name": "a", "field_name": "no", "pandas_type": "int64", "numpy_type": "list[pyarrow]"}]},
        {"columns": [1]},
        {"columns": 1},
        {"index_columns": [{"kind": "range", "name": None, "start": 0, "stop": "x", "step": 0}]},
        {"index_columns": ["no"]},
        {"index_columns": 5},
    ],
    ids=str,
)
def test_metadata_that_are_no_pandas_make_a_frame_or_an_error(changes: dict[str, Any]) -> None:
    assert try_reading(with_metadata(**changes)) in (None, "out_of_range")


def test_metadata_that_are_no_json_are_an_error() -> None:
    table = pyarrow.table({"a": [1]})
    for text in (b"{", b"\xff", b"[1]", b"1"):
        assert code_of(of_pandas(table.replace_schema_metadata({b"pandas": text}))) == "out_of_range"


def test_a_pickle_in_the_metadata_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    called = b"cbuiltins\nprint\n(S'unpickled'\ntR."
    named = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": called}
    schema = pyarrow.schema([pyarrow.field("a", pyarrow.int64(), metadata=named)])
    for kind in ("table", "pandas", "polars"):
        with contextlib.suppress(IpcError, RuntimeWarning):
            decode(encoded(kind, written(pyarrow.table({"a": [1]}, schema=schema))))
    assert "unpickled" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"index_columns": ["a", "a"]}, "one and the same"),
        ({"index_columns": [{"kind": "range", "name": None, "start": 0, "stop": 2, "step": 1}] * 9}, "are no columns"),
        ({"column_indexes": [LEVEL] * 2, "columns": [COLUMN | {"name": "(" + "1," * 9000 + ")"}]}, "too long"),
        ({"column_indexes": [LEVEL] * 2, "columns": [COLUMN | {"name": "9" * 9999}] * 200}, "too long"),
    ],
    ids=["a column as two levels", "ranges as levels", "a long label", "many labels"],
)
def test_metadata_that_make_much_of_little_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(IpcError, match=message) as caught:
        decode(with_metadata(**changes))
    assert caught.value.code == "out_of_range"


def test_many_batches_of_one_large_dictionary_are_refused() -> None:
    words = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0], "i4"), pyarrow.array(range(1 << 18)))

    def of(batches: int) -> bytes:
        return written(pyarrow.table({"a": pyarrow.chunked_array([words] * batches)}))

    assert decode(encoded("table", of(512))).num_rows == 512
    assert code_of(encoded("table", of(513))) == "resource_exhausted"
    two = pyarrow.table([words, words], ["a", "b"])
    assert decode(encoded("table", written(two))).num_columns == 2


def test_fields_that_are_one_and_the_same_are_refused() -> None:
    unnamed = ("", pyarrow.int8())
    assert decode(encoded("table", with_one_field_repeated(1, unnamed))).column_names == [""]
    with pytest.raises(IpcError, match="or more than its metadata hold"):
        decode(encoded("table", with_one_field_repeated(10_001, unnamed)))


@pytest.mark.parametrize(
    "field",
    [
        ("a" * 20_000, pyarrow.int8()),
        ("a", pyarrow.timestamp("s", "a" * 20_000)),
        pyarrow.field("a", pyarrow.int8(), metadata={"k": "a" * 20_000}),
        pyarrow.field("a", pyarrow.int8(), metadata={"k" * 20_000: "a"}),
    ],
    ids=["names", "time zones", "metadata", "keys of metadata"],
)
def test_texts_that_many_fields_share_are_refused(field: Any) -> None:
    assert len(decode(encoded("table", with_one_field_repeated(1, field))).column_names) == 1
    with pytest.raises(IpcError, match="metadata overlap"):
        decode(encoded("table", with_one_field_repeated(1001, field)))


def test_a_series_is_one_column() -> None:
    for kind in ("pandas.series", "polars.series"):
        for columns in ({}, {"a": [1], "b": [2]}):
            assert code_of(encoded(kind, written(pyarrow.table(columns)))) == "out_of_range"


def test_what_arrives_shares_nothing_with_the_message() -> None:
    data = bytearray(encode_result(pyarrow.table({"a": [1, 2]})))
    arrived = decode(data)
    data[-60:] = b"\xff" * 60
    assert arrived.to_pydict() == {"a": [1, 2]}
