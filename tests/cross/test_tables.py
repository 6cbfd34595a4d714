"""Tables between services are what docs/tables.md says, over each transport."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pandas
import peaks
import polars
import pyarrow
import pytest
from programs import running

import ipcbridge as ipc
from ipcbridge import aio

PYTHON = """
import sys
import peaks

async def call(fn, value):
    return await fn(value, [value])

def frames(count, rows):
    import pandas
    for i in range(count):
        yield pandas.DataFrame({"i": [i] * rows})

def fail(value):
    raise ipc.IpcError("aborted", "no", {"value": value})

service = {
    "forget_peak": peaks.forget,
    "peak": peaks.reached,
    "echo": lambda value: value,
    "kind": lambda value: type(value).__module__.split(".")[0] + "." + type(value).__name__,
    "total": lambda frame: float(frame["number"].sum()),
    "pid": lambda: __import__("os").getpid(),
    **{each.__name__: each for each in (frames, fail)},
}
with ipc.serve(sys.argv[1], service):
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module", params=["shm", "unix"])
def python(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One for all tests, because the packages take seconds to import."""
    address = f"{request.param}://{tmp_path_factory.mktemp('tables')}/socket"
    with running("python", PYTHON, address), ipc.connect(address) as python:
        yield python


def frame_of(rows: int) -> Any:
    numbers = numpy.arange(float(rows))
    text = [f"row {i}" for i in range(rows)]
    moments = pandas.to_datetime(numbers, unit="s", utc=True)
    frame = pandas.DataFrame({"number": numbers, "text": text, "kind": pandas.Categorical(text), "moment": moments})
    return frame.set_index("text", drop=False).rename_axis("key")


ROWS = [0, 1, 100, 1_000, 20_000]  # 15 KiB, from which on it travels beside its message, are some 300


@pytest.mark.parametrize("rows", ROWS)
def test_frames_of_any_size_come_back_as_they_went(python: Any, rows: int) -> None:
    frame = frame_of(rows)
    pandas.testing.assert_frame_equal(python.echo(frame), frame, check_index_type=rows > 0)
    pandas.testing.assert_series_equal(python.echo(frame["number"]), frame["number"], check_index_type=rows > 0)
    table = pyarrow.Table.from_pandas(frame)
    assert python.echo(table).equals(table, check_metadata=True)
    batch = pyarrow.RecordBatch.from_arrays([each.combine_chunks() for each in table.columns], schema=table.schema)
    assert python.echo(batch).equals(batch)
    plain = polars.from_pandas(frame.reset_index(drop=True))
    assert python.echo(plain).equals(plain)
    assert python.echo(plain["text"]).equals(plain["text"])


def test_what_a_table_is_on_the_other_side(python: Any) -> None:
    frame = pandas.DataFrame({"a": [1]})
    for value, kind in [
        (frame, "pandas.DataFrame"),
        (frame["a"], "pandas.Series"),
        (polars.DataFrame({"a": [1]}), "polars.DataFrame"),
        (polars.Series([1]), "polars.Series"),
        (pyarrow.table({"a": [1]}), "pyarrow.Table"),
        (pyarrow.record_batch({"a": [1]}), "pyarrow.RecordBatch"),
    ]:
        assert python.kind(value).replace("pyarrow.lib", "pyarrow") == kind


@pytest.mark.parametrize("rows", [2, 10_000])
def test_tables_are_items_keyword_arguments_and_details_of_errors(python: Any, rows: int) -> None:
    frames = list(python.frames(5, rows))
    assert [frame["i"].tolist() for frame in frames] == [[i] * rows for i in range(5)]
    assert python.total(frame=frame_of(rows)) == rows * (rows - 1) / 2
    assert python.echo([{"f": frame_of(rows)}, 1])[0]["f"].equals(frame_of(rows))
    with pytest.raises(ipc.RemoteError) as caught:
        python.fail(frame_of(rows))
    pandas.testing.assert_frame_equal(caught.value.details["value"], frame_of(rows))


def test_tables_are_arguments_and_results_of_callbacks(directory: Any) -> None:
    service = {"call": lambda fn, value: fn(value, [value])}
    with ipc.serve("calls", service), ipc.connect("calls") as calls:
        for rows in (2, 10_000):
            frame = frame_of(rows)
            back = calls.call(lambda value, others: pandas.concat([value, *others]), frame)
            pandas.testing.assert_frame_equal(back, pandas.concat([frame, frame]))


def test_tables_in_asyncio(directory: Any) -> None:
    async def doubled(frame: Any) -> Any:
        return pandas.concat([frame, frame])

    async def rows(frame: Any) -> Any:
        for i in range(0, len(frame), 5_000):
            yield frame[i : i + 5_000]

    async def main() -> None:
        service = {"doubled": doubled, "rows": rows}
        async with await aio.serve("tables", service), await aio.connect("tables") as tables:
            for count in (2, 10_000):
                frame = frame_of(count)
                pandas.testing.assert_frame_equal(await tables.doubled(frame), pandas.concat([frame, frame]))
                parts = [part async for part in tables.rows(frame)]
                pandas.testing.assert_series_equal(pandas.concat(parts)["number"], frame["number"])

    asyncio.run(main())


@pytest.mark.parametrize("transport", ["shm", "unix"])
def test_what_arrives_outlives_its_connection_and_the_process_that_it_came_from(transport: str, tmp_path: Path) -> None:
    address = f"{transport}://{tmp_path}/socket"
    table = pyarrow.table({"number": numpy.arange(100_000.0)})
    with running("python", PYTHON, address), ipc.connect(address) as python:
        arrived = [python.echo(table) for _ in range(20)]
        os.kill(python.pid(), signal.SIGKILL)
        with pytest.raises(ipc.Unavailable):
            python.echo(1)
    gc.collect()
    assert all(each.equals(table) for each in arrived)


def test_a_table_that_is_kept_stays_as_it_was_sent(python: Any) -> None:
    numbers = numpy.arange(50_000.0)
    table = pyarrow.table({"number": numbers})
    kept = python.echo(table)
    numbers[:] = 7
    for _ in range(20):
        python.echo(table)
    assert kept["number"].to_numpy().tolist() == list(range(50_000))


@pytest.mark.skipif("IPCBRIDGE_SANITIZED" in os.environ, reason="a sanitizer keeps what is freed")
@pytest.mark.parametrize("kind", ["pandas", "pyarrow"])
def test_a_large_table_is_in_memory_as_often_as_the_docs_say(request: Any, python: Any, kind: str) -> None:
    numbers = pandas.DataFrame({f"column {i}": numpy.full(500_000, float(i)) for i in range(10)})
    size = numbers.memory_usage().sum()
    sent = numbers if kind == "pandas" else pyarrow.Table.from_pandas(numbers)
    python.kind(sent[:1])  # what is imported late is there
    before, before_there = peaks.forget(), python.forget_peak()
    assert python.kind(sent).startswith(kind)
    assert peaks.reached() - before < 1.2 * size
    times = 1 + (kind == "pandas") + (request.node.callspec.params["python"] == "shm")
    assert python.peak() - before_there < (times + 0.2) * size


def test_where_a_table_cannot_be_read_only_its_call_fails(directory: Any) -> None:
    without = "import sys\nsys.modules['pyarrow'] = sys.modules['polars'] = None\n" + PYTHON
    with running("python", without, "plain"), ipc.connect("plain") as plain:
        for rows in (2, 10_000):
            with pytest.raises(ipc.RemoteError, match=r"pip install 'pyarrow>=14\.0\.1'") as caught:
                plain.echo(frame_of(rows))
            assert caught.value.code == "failed_precondition"
            assert plain.echo(1) == 1
