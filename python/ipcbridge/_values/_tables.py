"""Tables that are sent: docs/tables.md says what becomes of each."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from typing import Any, Callable, NamedTuple

from ._hints import pandas_advice
from ._loaded import instance_of
from ._refusal import Refused
from ._table_packages import find_arrow, raising_panics, why_no_arrow


class Table(NamedTuple):
    """A table on its way: its kind, and an Arrow IPC stream of so many bytes, which is written once to where it travels
    from: an object with the buffer protocol."""

    kind: str
    size: int
    write: Callable[[Any], None]


def as_table(value: Any) -> Table | None:
    """`value` as a table; None when it is none. Raises Refused for one that cannot be sent."""
    if instance_of(value, "pandas", "DataFrame"):
        return _of_arrow("pandas", value, _from_pandas(value, value))
    if instance_of(value, "pandas", "Series"):
        return _of_arrow("pandas.series", value, _from_series(value))
    if instance_of(value, "polars", "DataFrame"):
        return _of_polars("polars", value, value)
    if instance_of(value, "polars", "Series"):
        return _of_polars("polars.series", value, value.to_frame())
    if instance_of(value, "pyarrow", "Table"):
        return _of_arrow("table", value, value)
    if instance_of(value, "pyarrow", "RecordBatch"):
        return _of_arrow("batch", value, value)
    return None


def _of_arrow(kind: str, value: Any, table: Any) -> Table:
    """`table`, which is `value` or made of it."""
    arrow = _needs_arrow(value)
    try:
        table = _without_views(arrow, table)
        measure = arrow.MockOutputStream()
        _write(arrow, table, measure)
    except MemoryError:
        raise
    except arrow.ArrowException as error:
        raise Refused(
            f"a {type(value).__name__} that Arrow does not write ({error}): send {_instead(value)}"
        ) from error
    size = measure.size()

    def write(memory: Any) -> None:
        with arrow.FixedSizeBufferWriter(arrow.py_buffer(memory)) as sink:
            _write(arrow, table, sink)

    return Table(kind, size, write)


def _write(arrow: Any, table: Any, sink: Any) -> None:
    options = arrow.ipc.IpcWriteOptions(  # all said, because variables of the environment would change what is not
        metadata_version=arrow.ipc.MetadataVersion.V5, use_legacy_format=False, compression=None
    )
    with arrow.ipc.new_stream(sink, table.schema, options=options) as writer:
        if table.num_rows == 0 and isinstance(table, arrow.Table):
            # It may have no batch, and dictionaries come with one.
            columns = [column.combine_chunks() for column in table.columns]
            table = arrow.RecordBatch.from_arrays(columns, schema=table.schema)
        writer.write(table)


_VIEWS = {"string_view": "large_string", "binary_view": "large_binary"}
"""Types that not every language reads, and what is sent instead."""
_NOT_SENT = {*_VIEWS, "list_view", "large_list_view", "run_end_encoded"}


def _without_views(arrow: Any, table: Any) -> Any:
    fields = []
    for field in table.schema:
        instead = _VIEWS.get(str(field.type))
        plain = field if instead is None else field.with_type(getattr(arrow, instead)())
        if not all(map(_is_sent, _types_in(plain.type))):
            raise arrow.ArrowNotImplementedError(
                f"column {field.name!r} is of {field.type}, which not every language reads"
            )
        fields.append(plain)
    schema = arrow.schema(fields, table.schema.metadata)
    return table if schema.equals(table.schema) else table.cast(schema)


def _is_sent(kind: Any) -> bool:
    is_nested_dictionary = hasattr(kind, "index_type") and kind.value_type.num_fields > 0
    return not is_nested_dictionary and str(kind).partition("<")[0] not in _NOT_SENT


def _types_in(kind: Any) -> Iterator[Any]:
    yield kind
    inner = [kind.field(index).type for index in range(kind.num_fields)]
    for name in ("value_type", "storage_type"):  # of a dictionary, of an extension
        if not inner and hasattr(kind, name):
            inner = [getattr(kind, name)]
    for each in inner:
        yield from _types_in(each)


def _from_pandas(value: Any, frame: Any) -> Any:
    """pyarrow's table of `frame`, which is `value`, or made of it."""
    arrow = _needs_arrow(value)
    name = type(value).__name__
    if not frame.columns.is_unique:
        raise Refused(f"a {name} with two columns of one name: send value.set_axis(range(value.shape[1]), axis=1)")
    levels = range(frame.columns.nlevels)
    if any("mixed" in frame.columns.get_level_values(level).inferred_type for level in levels):  # would become strings
        advice = "value.rename(columns=str)" if frame is value else "value.rename(str(value.name))"
        raise Refused(f"a {name} whose columns' names are not of one type: send {advice}")
    try:
        return arrow.Table.from_pandas(frame)
    except MemoryError:
        raise
    except Exception as error:
        which = " with a column {!r}" if frame is value else ""
        raise Refused(f"a {name}{_why_not(error, which)}: send {_instead(value)}") from error


def _from_series(value: Any) -> Any:
    table = _from_pandas(value, value.to_frame("" if value.name is None else value.name))
    if value.name is None:
        metadata = dict(table.schema.metadata)
        described = json.loads(metadata[b"pandas"])
        for column in described["columns"]:
            if column["field_name"] == "":
                column["name"] = None
        metadata[b"pandas"] = json.dumps(described).encode()
        table = table.replace_schema_metadata(metadata)
    return table


def _why_not(error: Exception, which: str) -> str:
    reason = "; ".join(str(each) for each in error.args)
    found = re.fullmatch(r"(.*); Conversion failed for column (.*) with type (.*)", reason, re.DOTALL)
    if found is None:
        return f" that Arrow cannot carry ({reason})"
    return f"{which.format(found[2])} of {found[3]} that Arrow cannot carry ({found[1]})"


def _instead(value: Any) -> str:
    """What makes plain values of a table."""
    if instance_of(value, "polars", "DataFrame"):
        return "value.to_dicts()"
    if instance_of(value, "polars", "Series"):
        return "value.to_list()"
    return pandas_advice(value) or "value.to_pylist()"


_NOT_OF_ARROW = {"Object", "Int128", "UInt128"}


def _of_polars(kind: str, value: Any, frame: Any) -> Table:
    polars = sys.modules["polars"]
    for name, dtype in frame.schema.items():
        if any(str(each) in _NOT_OF_ARROW for each in _dtypes_in(dtype)):
            what = f"a {type(value).__name__} with a column {name!r} of {dtype} that Arrow cannot carry"
            raise Refused(f"{what}: send {_instead(value)}")
    if not hasattr(polars, "CompatLevel"):
        what = f"a {type(value).__name__} of polars {polars.__version__}, which is too old"
        raise Refused(f"{what}: pip install 'polars>=1.2'", code="failed_precondition")
    level = polars.CompatLevel.oldest()  # without views of strings and binary
    try:
        with raising_panics():
            if find_arrow() is not None:
                return _of_arrow(kind, value, frame.to_arrow(compat_level=level))
            written = io.BytesIO()
            frame.write_ipc_stream(written, compression="uncompressed", compat_level=level)
    except (Refused, MemoryError):
        raise
    except Exception as error:
        raise Refused(f"a {type(value).__name__} that Arrow cannot carry ({error}): send {_instead(value)}") from error

    def write(memory: Any) -> None:
        memoryview(memory)[:] = written.getbuffer()

    return Table(kind, len(written.getbuffer()), write)


def _dtypes_in(dtype: Any) -> Iterator[Any]:
    yield dtype
    inner = [field.dtype for field in getattr(dtype, "fields", ())]
    for each in inner or [found for found in [getattr(dtype, "inner", None)] if found is not None]:
        yield from _dtypes_in(each)


def _needs_arrow(value: Any) -> Any:
    arrow = find_arrow()
    if arrow is None:
        raise Refused(
            f"a {type(value).__name__}, which travels as a table of Arrow, and {why_no_arrow()}",
            code="failed_precondition",
        )
    return arrow
