"""Tables between Python and services in Node.js, with apache-arrow and without, are what docs/tables.md says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pytest
from programs import running

import ipcbridge as ipc

# The functions of apache-arrow's ES modules make tables of other classes than those that arrive.
WITH_ARROW = """
import * as arrow from 'apache-arrow'
const { List, Field, Int32 } = arrow
const made = () => arrow.tableFromArrays({
  n: Int32Array.of(1, 2), big: [1n, 2n], word: ['a', null], day: [new Date(0), new Date(86_400_000)],
  list: arrow.vectorFromArray([[1], []], new List(Field.new({ name: 'item', type: new Int32() }))),
})
let kept
await ipc.serve(process.argv[1], {
  echo: value => value,
  kind: value => [value.constructor.name, value.numRows, value.schema.fields.map(field => field.name)],
  isOne: value => value instanceof arrow.Table,
  rows: value => value.toArray().map(row => row.toJSON()),
  sum: value => value.getChild('number').toArray().reduce((sum, number) => sum + number, 0),
  made,
  batch: () => made().batches[0],
  part: value => value.slice(1, 3),
  twice: value => value.concat(value),
  keep(value) { kept = value; return value.numRows },
  again: () => kept,
  async *tables(count, rows) {
    for (let i = 0; i < count; i++) yield arrow.tableFromArrays({ i: new Float64Array(rows).fill(i) })
  },
  async call(fn, value) { return await fn(value, [value]) },
  released(value) {
    ipc.release(value)
    return value.batches.flatMap(({ data }) => data.children).map(({ values }) => values.byteLength)
  },
  vector: () => made().getChild('n'),
  fail(value) { throw new ipc.IpcError('aborted', 'no', { value }) },
})
console.log('ready')
"""

WITHOUT_ARROW = """
import Module from 'node:module'
const load = Module._load
Module._load = (name, ...rest) => {
  if (name === 'apache-arrow') throw new Error('it is not installed')
  return load(name, ...rest)
}
const mapped = (columns, map) =>
  Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, map(values)]))
const shown = value => Array.isArray(value) || ArrayBuffer.isView(value) ? Array.from(value, shown) : value
await ipc.serve(process.argv[1], {
  kinds: ({ columns }) => mapped(columns, values => values.constructor.name),
  values: ({ columns }) => mapped(columns, shown),
  index: ({ index }) => shown(index),
  dtypes: ({ dtypes }) => dtypes,
  sum: ({ columns }) => columns.number.reduce((sum, number) => sum + number, 0),
  echo: value => value,
  listed: ([value]) => Object.keys(value.columns),
})
console.log('ready')
"""

ROWS = [0, 1, 100, 20_000]  # 15 KiB, from which on it travels beside its message, are some 300


@pytest.fixture(scope="module", params=["shm", "unix"])
def node(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    address = f"{request.param}://{tmp_path_factory.mktemp('arrow')}/socket"
    with running("node", WITH_ARROW, address), ipc.connect(address) as node:
        yield node


@pytest.fixture(scope="module", params=["shm", "unix"])
def plain(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    address = f"{request.param}://{tmp_path_factory.mktemp('plain')}/socket"
    with running("node", WITHOUT_ARROW, address), ipc.connect(address) as plain:
        yield plain


def frame_of(rows: int) -> Any:
    numbers = numpy.arange(float(rows))
    text = pandas.Series([f"row {i}" for i in range(rows)], dtype="str")
    moments = pandas.to_datetime(numbers, unit="s", utc=True)
    return pandas.DataFrame({"number": numbers, "text": text, "kind": pandas.Categorical(text), "moment": moments})


@pytest.mark.parametrize("rows", ROWS)
def test_tables_come_back_as_they_went(node: Any, rows: int) -> None:
    frame = frame_of(rows)
    table = pyarrow.Table.from_pandas(frame)
    assert node.kind(frame) == ["Table", rows, ["number", "text", "kind", "moment"]]
    assert node.sum(frame) == sum(range(rows))
    assert node.echo(frame).combine_chunks().equals(table.combine_chunks())
    assert node.echo(table).schema.equals(table.schema, check_metadata=True)
    pandas.testing.assert_frame_equal(node.echo(frame).to_pandas(), table.to_pandas())
    batch = pyarrow.RecordBatch.from_pandas(frame)
    assert isinstance(node.echo(batch), pyarrow.RecordBatch)
    assert node.echo(batch).equals(batch)
    plain = polars.from_pandas(frame)
    assert polars.from_arrow(node.echo(plain)).equals(plain)


def test_a_series_is_a_table_of_one_column(node: Any) -> None:
    assert node.kind(pandas.Series([1, 2], name="a"))[:2] == ["Table", 2]
    assert node.kind(polars.Series("a", [1, 2])) == ["Table", 2, ["a"]]


def test_what_arrives_is_a_table_to_all_copies_of_apache_arrow(node: Any) -> None:
    assert node.isOne(pyarrow.table({"a": [1]})) is True
    assert node.rows(pyarrow.table({"a": pyarrow.array([1, None], "int8"), "s": ["x", None]})) == [
        {"a": 1, "s": "x"},
        {"a": None, "s": None},
    ]


def test_what_apache_arrow_makes_is_pyarrow_s(node: Any) -> None:
    made = node.made()
    assert isinstance(made, pyarrow.Table)
    made.validate(full=True)
    assert made.to_pydict() == {
        "n": [1, 2],
        "big": [1, 2],
        "word": ["a", None],
        "day": [datetime(1970, 1, 1), datetime(1970, 1, 2)],
        "list": [[1], []],
    }
    assert pyarrow.types.is_dictionary(made.schema.field("word").type)
    batch = node.batch()
    assert isinstance(batch, pyarrow.RecordBatch)
    assert batch.equals(made.to_batches()[0])


@pytest.mark.parametrize("rows", [3, 20_000])
def test_parts_and_chunks_of_what_has_arrived_can_be_sent(node: Any, rows: int) -> None:
    table = pyarrow.Table.from_pandas(frame_of(rows))
    assert node.part(table).combine_chunks().to_pydict() == table[1:3].to_pydict()
    assert node.twice(table).to_pydict() == pyarrow.concat_tables([table, table]).to_pydict()


@pytest.mark.parametrize("rows", [3, 20_000])
def test_tables_are_items_arguments_of_callbacks_and_details(node: Any, rows: int) -> None:
    assert [table["i"].to_pylist() for table in node.tables(3, rows)] == [[i] * rows for i in range(3)]
    table = pyarrow.Table.from_pandas(frame_of(rows))
    assert node.call(lambda value, inner: pyarrow.concat_tables([value, *inner]), table).num_rows == 2 * rows
    assert node.echo([{"a": table}])[0]["a"].equals(table)
    with pytest.raises(ipc.RemoteError) as caught:
        node.fail(table)
    assert caught.value.details["value"].equals(table)


def test_a_table_that_is_kept_stays_as_it_was(node: Any) -> None:
    table = pyarrow.table({"number": numpy.arange(50_000.0)})
    node.keep(table)
    for _ in range(20):
        node.echo(pyarrow.table({"number": numpy.zeros(50_000)}))
    assert node.again().equals(table)


def test_a_table_that_is_released_is_empty(node: Any) -> None:
    assert node.released(pyarrow.table({"a": numpy.arange(50_000.0), "b": numpy.arange(50_000)})) == [0, 0]
    assert node.released(pyarrow.table({"a": [1]})) == [8]  # it came within its message
    assert node.released(pyarrow.table({})) == []


def test_a_vector_is_refused(node: Any) -> None:
    with pytest.raises(ipc.RemoteError, match=r"send new Table\(\{ values: vector \}\)") as caught:
        node.vector()
    assert caught.value.code == "internal"  # as of any result that is no value


@pytest.mark.parametrize("rows", ROWS)
def test_without_apache_arrow_a_frame_is_an_object_of_its_columns(plain: Any, rows: int) -> None:
    frame = frame_of(rows)
    kinds = {"number": "Float64Array", "text": "Array", "kind": "Array", "moment": "Array"}
    assert plain.kinds(frame) == kinds
    values = plain.values(frame)
    moments = [datetime.fromtimestamp(i, UTC) for i in range(rows)]
    assert values["number"] == frame["number"].tolist()
    assert values["text"] == values["kind"] == frame["text"].tolist()
    assert values["moment"] == moments
    assert plain.index(frame) == list(range(rows))
    assert plain.dtypes(frame) == {name: str(dtype) for name, dtype in frame.dtypes.items()}
    assert plain.sum(frame) == sum(range(rows))
    assert plain.listed([frame.set_index("text")]) == ["number", "kind", "moment"]


def test_without_apache_arrow_labels_are_the_index(plain: Any) -> None:
    frame = pandas.DataFrame({"a": [1, 2]}, index=["x", "y"])
    assert plain.index(frame) == ["x", "y"]
    levels = pandas.MultiIndex.from_product([["x"], [1, 2]])
    assert plain.index(frame.set_axis(levels)) == [["x", 1], ["x", 2]]
    assert plain.index(pyarrow.table({"a": [1]})) is None
    assert plain.index(pandas.Series([1, 2], index=["x", "y"])) == ["x", "y"]


def test_without_apache_arrow_the_columns_come_back_as_arrays_and_lists(plain: Any) -> None:
    back = plain.echo(pandas.DataFrame({"a": [1.5, 2], "s": ["x", None]}))
    assert back["columns"]["a"].tolist() == [1.5, 2]
    assert back["columns"]["s"] == ["x", None]
    assert (back["index"], back["dtypes"]) == ([0, 1], {"a": "float64", "s": "str"})


def test_more_values_than_their_bytes_cost_their_call_alone(plain: Any) -> None:
    nulls = pyarrow.table({"n": pyarrow.nulls(2**23)})
    with pytest.raises(ipc.RemoteError, match="more values than one message may hold") as caught:
        plain.dtypes(nulls)
    assert caught.value.code == "resource_exhausted"
    assert plain.dtypes(nulls[:1000]) == {"n": "null"}
