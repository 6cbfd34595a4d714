"""Tables that arrive: docs/tables.md says what becomes of each."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Callable

from .._errors import IpcError
from ._table_packages import find_arrow, find_package, raising_panics, why_no_arrow
from ._table_stream import check_stream

_MAX_ITEM = 16
"""Bytes of an element of NumPy's dtypes that pandas has columns of."""

_MAX_LABEL, _MAX_LABELS = 10_000, 1 << 20
"""Characters of a column's label of several levels, and of all of these: Python parses them as literals."""


def read_table(kind: str, data: Any, room: int) -> tuple[Any, int]:
    """The table of an Arrow IPC stream, whose bytes nobody changes, and what it weighs because of its batches and
    of the objects that it consists of. It may use the bytes for as long as it lives.

    Raises ValueError for what no sender makes, and IpcError: failed_precondition where no package reads it,
    resource_exhausted where it would weigh more than `room`, out_of_range where its package cannot hold it.
    """
    contents = check_stream(memoryview(data))
    if kind == "batch" and contents.batches != 1:
        raise ValueError("a batch that is none, or more than one")
    if contents.weight > room:
        raise IpcError("resource_exhausted", f"a table of {contents.batches} batches, which are too many: join them")
    if find_arrow() is None:
        return _without_arrow(kind, data), contents.weight
    # Before the stream is read: pandas registers types of its own with Arrow.
    package = find_package(kind.partition(".")[0]) if kind in _MAKERS else None
    table = _read(kind, data)
    if package is None:
        return table, contents.weight
    objects = contents.objects if package.__name__ == "pandas" else 0
    weight = contents.weight + objects
    if weight > room:
        what = f"a table whose {objects} lists, structs and nulls would be as many objects in a frame of pandas"
        raise IpcError("resource_exhausted", what)
    return _made(_MAKERS[kind], package, table), weight


def _read(kind: str, data: Any) -> Any:
    arrow = find_arrow()
    try:
        reader = arrow.ipc.open_stream(arrow.py_buffer(data))
        batches = list(reader)
        for batch in batches:
            batch.validate(full=True)
        return batches[0] if kind == "batch" else arrow.Table.from_batches(batches, reader.schema)
    except (MemoryError, RecursionError):
        raise
    except Exception as error:
        raise ValueError(f"a table that Arrow cannot read: {error}") from error


def _made(make: Callable[[Any, Any], Any], package: Any, given: Any) -> Any:
    """What a package makes of a table that is one: the data are sound, but it may not have such types."""
    try:
        with raising_panics():
            return make(package, given)
    except (MemoryError, RecursionError):
        raise
    except Exception as error:
        raise IpcError("out_of_range", f"a table arrived that {package.__name__} cannot hold: {error}") from error


def _pandas_frame(pandas: Any, table: Any) -> Any:
    described = table.schema.pandas_metadata or {}
    columns = described.get("columns", ())
    names = {each["numpy_type"] for each in (*columns, *described.get("column_indexes", ()))}
    _check_dtypes(names)
    levels = described.get("index_columns", ())
    _check_index(levels)
    if len(described.get("column_indexes", ())) > 1:
        _check_labels([*table.column_names, *(str(each["name"]) for each in columns)])
    unreadable = {name for name in names if name.endswith("[pyarrow]") and not _is_dtype(pandas, name)}
    kinds = {table.schema.field(each["field_name"]).type for each in columns if each["numpy_type"] in unreadable}
    extensions = _extensions_in(table, levels)
    for place in extensions:  # which Arrow would leave as what they are stored as
        at = table.column_names.index(levels[place])
        table = table.set_column(at, levels[place], find_arrow().nulls(table.num_rows))
    frame = table.to_pandas(
        types_mapper=lambda kind: pandas.ArrowDtype(kind) if kind in kinds else None,
        integer_object_nulls=True,  # floats cannot hold all integers
    )
    if extensions:
        frame.index = _index_with(pandas, frame.index, extensions)
    return frame


def _extensions_in(table: Any, levels: Sequence[Any]) -> dict[int, Any]:
    """By their places among the levels of the index, those of pandas' own types: periods, intervals."""
    made = {}
    for place, name in enumerate(levels):
        kind = table.schema.field(name).type if name in table.column_names else None
        if isinstance(kind, find_arrow().BaseExtensionType):
            made[place] = kind.to_pandas_dtype().__from_arrow__(table.column(name))
    return made


def _index_with(pandas: Any, index: Any, made: dict[int, Any]) -> Any:
    labels = [made.get(place, index.get_level_values(place)) for place in range(index.nlevels)]
    made_index = pandas.MultiIndex.from_arrays(labels) if len(labels) > 1 else pandas.Index(labels[0])
    return made_index.set_names(index.names)


def _check_dtypes(names: set[str]) -> None:
    """The labels of columns are made of the dtype that the metadata say, which could be a string of a gigabyte."""
    numpy = find_package("numpy")
    for name in names:
        try:
            size = numpy.dtype(name).itemsize
        except (TypeError, ValueError):  # a dtype of pandas
            continue
        if size > _MAX_ITEM:
            raise ValueError(f"a column of {name}")


def _check_index(levels: Sequence[Any]) -> None:
    """Of each level there are as many labels as rows, so none may stand for more than itself."""
    if len(levels) > 1 and (not all(isinstance(each, str) for each in levels) or len(set(levels)) < len(levels)):
        raise ValueError("an index of levels that are no columns, or one and the same")


def _check_labels(labels: Sequence[str]) -> None:
    lengths = [len(each) for each in labels]
    if max(lengths, default=0) > _MAX_LABEL or sum(lengths) > _MAX_LABELS:
        raise ValueError("labels of several levels that are too long")


def _is_dtype(pandas: Any, name: str) -> bool:
    """Not all that pandas calls its dtypes of Arrow's types it can read."""
    try:
        pandas.api.types.pandas_dtype(name)
    except (TypeError, NotImplementedError):
        return False
    return True


def _pandas_series(pandas: Any, table: Any) -> Any:
    series = _only_column(_pandas_frame(pandas, table))
    columns = (table.schema.pandas_metadata or {}).get("columns", ())
    if any(column["name"] is None and column["field_name"] == "" for column in columns):
        series.name = None
    return series


def _polars_frame(polars: Any, table: Any) -> Any:
    frame = polars.from_arrow(table, rechunk=False)
    frame.columns = table.column_names  # where one is empty polars makes one up
    return frame


def _polars_series(polars: Any, table: Any) -> Any:
    return _only_column(_polars_frame(polars, table))


def _only_column(frame: Any) -> Any:
    if frame.shape[1] != 1:
        raise ValueError("a series that is not one column")
    return frame.iloc[:, 0] if hasattr(frame, "iloc") else frame.to_series()


_MAKERS: dict[str, Callable[[Any, Any], Any]] = {
    "pandas": _pandas_frame,
    "pandas.series": _pandas_series,
    "polars": _polars_frame,
    "polars.series": _polars_series,
}


def _without_arrow(kind: str, data: Any) -> Any:
    polars = find_package("polars")
    if polars is None:
        raise IpcError("failed_precondition", f"a table arrived, and {why_no_arrow()}")
    try:
        with raising_panics():
            frame = polars.read_ipc_stream(io.BytesIO(data))
    except (MemoryError, RecursionError):
        raise
    except Exception as error:
        raise ValueError(f"a table that polars cannot read: {error}") from error
    return frame.to_series() if kind.endswith(".series") and frame.width == 1 else frame
