#!/usr/bin/env python3
"""Writes tables.json, by Arrow's own writer: PYTHONPATH=python tests/values/make_tables.py. Both languages read it."""

from __future__ import annotations

import decimal
import json
import struct
from collections.abc import Iterator
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pandas
import pyarrow as pa

from ipcbridge._values._table_stream import Metadata

TABLE = 11
END = b"\xff\xff\xff\xff\0\0\0\0"


def wrapped(contents: bytes) -> bytes:
    return b"\xc9" + struct.pack(">Ib", len(contents), TABLE) + contents


def encoded(kind: str, stream: bytes) -> bytes:
    name = kind.encode()
    return wrapped(bytes((0x92, 0xA0 | len(name))) + name + b"\xc6" + struct.pack(">I", len(stream)) + stream)


def written(table: Any, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write(table)
    return bytes(sink.getvalue().to_pybytes())


def messages(stream: bytes) -> list[bytes]:
    """The schema and the batches, each with its prefix."""
    source = pa.BufferReader(stream)
    reader = pa.ipc.MessageReader.open_stream(source)
    places = [0]
    for _ in range(stream.count(b"\xff\xff\xff\xff")):
        try:
            reader.read_next_message()
        except StopIteration:
            break
        places.append(source.tell())
    return [stream[begin:end] for begin, end in zip(places, places[1:])]


def changed(stream: bytes, form: str, old: tuple[Any, ...], new: tuple[Any, ...]) -> bytes:
    """With what stands there once replaced."""
    assert stream.count(struct.pack(form, *old)) == 1, (form, old)
    return stream.replace(struct.pack(form, *old), struct.pack(form, *new))


def with_one_field_repeated(count: int, field: Any) -> bytes:
    """A schema whose vector of fields refers so often, an odd number, to one and the same."""
    begin, *_ = messages(written(pa.schema([field]).empty_table()))
    metadata = begin[8:]
    reader = Metadata(memoryview(metadata))
    schema = reader.table(reader.target(0), 2)
    assert schema is not None
    (field,) = reader.tables(schema, 1)
    fields = reader.find(schema, 1)
    assert fields is not None
    size = len(metadata)
    # References lead forward, so there is a copy behind them.
    places = (size + 4 * (1 + count) + field - (size + 4 + 4 * index) for index in range(count))
    forged = bytearray(metadata + struct.pack(f"<{1 + count}I", count, *places) + metadata)
    struct.pack_into("<I", forged, fields, size - fields)
    return struct.pack("<Ii", 0xFFFFFFFF, len(forged)) + bytes(forged) + END


def tables() -> Iterator[tuple[str, str, Any]]:
    """Their names, their kinds and what is in them."""
    yield (
        "numbers",
        "table",
        pa.table({"i8": pa.array([1, -2], "i1"), "u64": pa.array([0, 2**64 - 1], "u8"), "f": [0.5, 2.0]}),
    )
    yield (
        "nulls",
        "table",
        pa.table({"i": [1, None, 3], "s": ["a", None, "é"], "b": [True, None, False], "n": pa.nulls(3)}),
    )
    yield (
        "times",
        "table",
        pa.table(
            {
                "s": pa.array([0, None, -1], pa.timestamp("s")),
                "ns": pa.array([0, None, 1], pa.timestamp("ns", "Europe/Berlin")),
                "d": pa.array([date(2020, 1, 2), None, date(1969, 12, 31)]),
                "t": pa.array([1, None, 2], pa.time64("us")),
                "u": pa.array([1, None, 2], pa.duration("ms")),
            }
        ),
    )
    yield (
        "decimals and bytes",
        "table",
        pa.table(
            {
                "d": pa.array([decimal.Decimal("-1.50"), None], pa.decimal128(10, 2)),
                "b": pa.array([b"\0\xff", None]),
                "f": pa.array([b"ab", None], pa.binary(2)),
            }
        ),
    )
    yield (
        "nested",
        "table",
        pa.table(
            {
                "l": pa.array([[1, 2], None, []]),
                "g": pa.array([["x"], [None], None], pa.large_list(pa.large_string())),
                "f": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)),
                "s": pa.array([{"a": 1, "b": ["x"]}, None, {"a": None, "b": None}]),
                "m": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
            }
        ),
    )
    yield "dictionaries", "table", pa.table({"d": pa.array(["x", None, "y", "x"]).dictionary_encode()})
    chunks = [pa.array(["x", "y"]).dictionary_encode(), pa.array(["z"]).dictionary_encode()]
    yield "chunks, of which the second has another dictionary", "table", pa.table({"d": pa.chunked_array(chunks)})
    yield "no rows", "table", pa.schema([("a", pa.int8()), ("b", pa.string())]).empty_table()
    yield "no columns", "table", pa.table({})
    yield "a batch", "batch", pa.record_batch({"a": [1, 2]})
    yield "of a kind that is not known", "later", pa.table({"a": [1]})
    frame = pandas.DataFrame(
        {"x": [1, 2], "c": pandas.Categorical(["p", None]), "t": pandas.to_datetime(["2020", None])}
    )
    yield "a frame", "pandas", pa.Table.from_pandas(frame)
    yield "a frame with an index", "pandas", pa.Table.from_pandas(frame.set_index("x"))
    levels = pandas.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["p", None])
    yield "a frame with two levels of index", "pandas", pa.Table.from_pandas(frame.set_axis(levels))
    yield "a series", "pandas.series", pa.Table.from_pandas(frame["x"].to_frame("x"))
    yield "a frame of polars", "polars", pa.table({"s": pa.array(["x", None], pa.large_string())})


def malformed() -> Iterator[tuple[str, bytes]]:
    base = pa.table({"number": pa.array([11, None, 33]), "text": ["a", "bc", None]})
    stream = written(base)
    schema, batch = messages(stream)
    for name, bad in [
        ("empty", b""),
        ("only an end", END),
        ("without an end", stream[:-8]),
        ("cut off", stream[:-20]),
        ("cut off in its schema", stream[:40]),
        ("a byte after its end", stream + b"\0"),
        ("a message after its end", stream + stream),
        ("two schemas", schema + stream),
        ("batches before the schema", batch + schema + END),
        ("without a schema", batch + END),
        ("compressed", written(pa.table({"a": list(range(1000))}), compression="lz4")),
        ("of metadata version 4", written(base, metadata_version=pa.ipc.MetadataVersion.V4)),
        ("framed as long ago", written(base, use_legacy_format=True)),
        (
            "a message of 2 GiB",
            changed(stream, "<IiI", (0xFFFFFFFF, len(schema) - 8, 16), (0xFFFFFFFF, 0x7FFFFFF8, 16)),
        ),
        ("views of strings", written(pa.table({"v": pa.array(["x"], pa.string_view())}))),
        ("views of bytes", written(pa.table({"v": pa.array([b"x"], pa.binary_view())}))),
        ("views of lists", written(pa.table({"v": pa.array([[1]], pa.list_view(pa.int8()))}))),
        ("a dictionary of lists", written(pa.table({"d": pa.DictionaryArray.from_arrays([0, 0], [[1, 2]])}))),
        ("run-end encoded", written(pa.table({"r": pa.RunEndEncodedArray.from_arrays([2], [1])}))),
        ("a name that is not UTF-8", stream.replace(b"number\0\0", b"n\xffmber\0\0")),
        ("buffers beyond their batch", changed(stream, "<qq", (0, 1), (1 << 20, 1))),
        ("a buffer of a negative place", changed(stream, "<qq", (0, 1), (-8, 1))),
        ("a buffer of a negative size", changed(stream, "<qq", (0, 1), (0, -1))),
        ("a buffer that reaches beyond 2^63", changed(stream, "<qq", (0, 1), (2**63 - 8, 2**63 - 1))),
        ("a buffer that is not aligned", changed(stream, "<qq", (8, 24), (12, 20))),
        ("buffers that overlap", changed(stream, "<qqqq", (0, 1, 8, 24), (0, 48, 0, 48))),
        ("a column of fewer rows", changed(stream, "<qqqq", (3, 1, 3, 1), (3, 1, 2, 1))),
        ("a column of more rows than it has bytes", changed(stream, "<qqqq", (3, 1, 3, 1), (1 << 40, 1, 3, 1))),
        ("a column of fewer than no rows", changed(stream, "<qqqq", (3, 1, 3, 1), (-3, 1, 3, 1))),
        ("more nulls than rows", changed(stream, "<qqqq", (3, 1, 3, 1), (3, 9, 3, 1))),
        ("offsets that decrease", changed(stream, "<4i", (0, 1, 3, 3), (0, 3, 1, 3))),
        ("an offset beyond the text", changed(stream, "<4i", (0, 1, 3, 3), (0, 1, 3, 99))),
        ("a negative offset", changed(stream, "<4i", (0, 1, 3, 3), (-1, 1, 3, 3))),
        ("text that is not UTF-8", stream.replace(b"abc\0", b"a\xffc\0")),
    ]:
        yield name, encoded("table", bad)
    words = written(pa.table({"d": pa.array(["x", "y", "y", "x"]).dictionary_encode()}))
    begin, dictionary, indices = messages(words)
    yield "a dictionary that is missing", encoded("table", begin + indices + END)
    yield "an index beyond its dictionary", encoded("table", changed(words, "<4i", (0, 1, 1, 0), (0, 1, 1, 9)))
    yield "a dictionary of no column", encoded("table", schema + dictionary + batch + END)
    yield "a batch that is two", encoded("batch", schema + batch + batch + END)
    yield "a batch that is none", encoded("batch", schema + END)
    for name, field in [
        ("names", pa.field("a" * 200, pa.int8())),
        ("time zones", pa.field("a", pa.timestamp("s", "a" * 200))),
        ("metadata", pa.field("a", pa.int8(), metadata={"k": "a" * 200})),
    ]:
        yield f"{name} that many columns share", encoded("table", with_one_field_repeated(101, field))
    yield "no list", wrapped(b"\xa5table")
    yield "a list of one", wrapped(b"\x91\xa5table")
    yield "a kind that is no string", wrapped(b"\x92\x01\xc4\0")
    yield "a kind that is not UTF-8", wrapped(b"\x92\xa1\xff\xc4\0")
    yield "a stream that is no bytes", wrapped(b"\x92\xa5table\xa1x")
    yield "an attachment that did not come", wrapped(b"\x92\xa5table\xd6\x09\0\0\0\0")
    yield "bytes after the stream", wrapped(encoded("table", stream)[6:] + b"\0")


def plain(value: Any) -> Any:
    """JSON of what such tables hold: bytes as hex, times as text, integers that JSON's readers would round as text."""
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, datetime):  # to the nanosecond where they are pandas'
        return value.astimezone(timezone.utc).isoformat() if value.tzinfo else value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    is_json = value is None or isinstance(value, (str, bool, float)) or (type(value) is int and abs(value) < 2**53)
    return value if is_json else str(value)


def lines() -> Iterator[str]:
    for name, kind, table in tables():
        columns = {key: plain(values) for key, values in table.to_pydict().items()}
        entry = {"name": name, "kind": kind, "columns": columns, "types": [str(each) for each in table.schema.types]}
        yield json.dumps({**entry, "hex": encoded(kind, written(table)).hex()}, ensure_ascii=False)


if __name__ == "__main__":
    good = ",\n    ".join(lines())
    bad = ",\n    ".join(json.dumps({"name": name, "hex": data.hex()}) for name, data in malformed())
    text = f'{{\n  "tables": [\n    {good}\n  ],\n  "malformed": [\n    {bad}\n  ]\n}}\n'
    (Path(__file__).parent / "tables.json").write_text(text)
