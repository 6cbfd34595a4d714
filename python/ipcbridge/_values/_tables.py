"""Tables that are sent: docs/tables.md says what becomes of each."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from numbers import Integral
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
        table = _without_views(arrow, value, table)
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


def _without_views(arrow: Any, value: Any, table: Any) -> Any:
    fields = []
    for field in table.schema:
        instead = _VIEWS.get(str(field.type))
        plain = field if instead is None else field.with_type(getattr(arrow, instead)())
        if not all(map(_is_sent, _types_in(plain.type))):
            what = f"a {type(value).__name__} with a column {field.name!r} of {field.type}"
            raise Refused(f"{what}, which not every language reads: send {_as_text(value, field) or _instead(value)}")
        fields.append(plain)
    schema = arrow.schema(fields, table.schema.metadata)
    return table if schema.equals(table.schema) else table.cast(schema)


def _is_sent(kind: Any) -> bool:
    values = getattr(kind, "value_type", kind)
    is_nested_dictionary = hasattr(kind, "index_type") and getattr(values, "storage_type", values).num_fields > 0
    return not is_nested_dictionary and str(kind).partition("<")[0] not in _NOT_SENT


def _types_in(kind: Any) -> Iterator[Any]:
    yield kind
    inner = [kind.field(index).type for index in range(kind.num_fields)]
    for name in ("value_type", "storage_type"):  # of a dictionary, of an extension
        if not inner and hasattr(kind, name):
            inner = [getattr(kind, name)]
    for each in inner:
        yield from _types_in(each)


_LABELS = {"string", "empty", "integer", "floating", "bytes", "datetime64", "datetime"}
"""Of pandas' names for what is in the labels of columns, those that come back as they were."""


def _from_pandas(value: Any, frame: Any) -> Any:
    """pyarrow's table of `frame`, which is `value`, or made of it."""
    arrow = _needs_arrow(value)
    name = type(value).__name__
    if not frame.columns.is_unique:
        raise Refused(f"a {name} with two columns of one name: send value.set_axis(range(value.shape[1]), axis=1)")
    for level in range(frame.columns.nlevels):
        kind = frame.columns.get_level_values(level).inferred_type
        if kind not in _LABELS:
            advice = "value.rename(columns=str)" if frame is value else "value.rename(str(value.name))"
            raise Refused(f"a {name} with names of columns that are {kind}, which Arrow does not keep: send {advice}")
    try:
        return _with_numbers(arrow, frame)
    except MemoryError:
        raise
    except Exception as error:
        which = " with a column {!r}" if frame is value else ""
        raise Refused(f"a {name}{_why_not(error, which)}: send {_instead(value)}") from error


def _from_series(value: Any) -> Any:
    table = _from_pandas(value, value.to_frame("" if value.name is None else value.name))
    return table if value.name is not None else _with_names(table, {"": None})


def _with_numbers(arrow: Any, frame: Any) -> Any:
    """pyarrow's table of `frame`, where names of the index that are numbers, which pyarrow makes strings, stay such."""
    names = frame.index.names
    if all(name is None or isinstance(name, str) for name in names):
        return arrow.Table.from_pandas(frame)
    renamed = frame.copy(deep=False)
    renamed.index = frame.index.set_names([name if name is None else str(name) for name in names])
    table = arrow.Table.from_pandas(renamed)
    levels = _described(table)["index_columns"]
    numbers = {_key(level): int(name) for level, name in zip(levels, names) if isinstance(name, Integral)}
    return _with_names(table, numbers)


def _with_names(table: Any, names: dict[str | None, Any]) -> Any:
    """With other names in pandas for these columns of Arrow; None is an index that is no column, but a range."""
    described = _described(table)
    ranges = [level for level in described["index_columns"] if isinstance(level, dict)]
    for entry in (*described["columns"], *ranges):
        if _key(entry) in names:
            entry["name"] = names[_key(entry)]
    return table.replace_schema_metadata({**table.schema.metadata, b"pandas": json.dumps(described).encode()})


def _described(table: Any) -> Any:
    return json.loads(table.schema.metadata[b"pandas"])


def _key(entry: Any) -> str | None:
    key: str | None = entry if isinstance(entry, str) else entry.get("field_name")
    return key


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


def _as_text(value: Any, field: Any) -> str | None:
    """What has text in place of categories that are intervals, whose plain values would be refused as well."""
    if not hasattr(field.type, "index_type") or not instance_of(value, "pandas", "DataFrame", "Series"):
        return None
    if instance_of(value, "pandas", "Series"):
        return "value.astype(str)" if field.name == str(value.name or "") else _INDEX_AS_TEXT
    found = [label for label in value.columns if str(label) == field.name]
    return f"value.astype({{{found[0]!r}: str}})" if found else _INDEX_AS_TEXT


_INDEX_AS_TEXT = "value.set_axis(value.index.astype(str))"
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
