"""What is checked of an Arrow IPC stream before Arrow reads it: docs/values.md, "The bytes".

Arrow's readers check that what they are given is well formed. They do not refuse what makes much of little: compressed
bodies, buffers that are used twice, fields that are one and the same table, texts that many of them share, dictionaries
that many batches do. Flatbuffers are read here without trust: each place is checked to be within the bytes.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import NamedTuple

from .._errors import IpcError

_CONTINUATION = 0xFFFFFFFF
_SCHEMA, _DICTIONARY_BATCH, _RECORD_BATCH = 1, 2, 3
_V5 = 4

# Of Schema.fbs' union Type.
_NULL, _TIMESTAMP, _UNION, _FIXED_SIZE_BINARY, _LARGE_LIST = 1, 10, 14, 15, 21
_NESTED = {12, 13, 14, 16, 17, _LARGE_LIST}
"""Lists, structs, unions, lists of a fixed size, maps."""

_MAX_DEPTH = 64
_LEAST_FIELD = 16
"""Bytes of the metadata for each field, at the least, of what any writer makes."""

_MAX_REPEATED = 1 << 27
"""Elements of dictionaries, counted for each batch and column that has them: they are checked so often."""

_WEIGHT = 8
"""Of a batch, and of each column of it."""

_PREFIX = struct.Struct("<Ii")
_U8, _U16, _I16, _I32, _U32, _I64 = (struct.Struct(f"<{code}") for code in "BHhiIq")


class Contents(NamedTuple):
    """What a stream holds."""

    batches: int
    """How many record batches."""
    objects: int
    """How many of its elements are nested or have no bytes: those that take much memory as objects."""
    weight: int
    """Of its batches, but for the first, and of their columns on all levels."""


def check_stream(stream: memoryview[int]) -> Contents:
    """What it holds. Raises ValueError for what no sender makes, and IpcError where it would take too long to check."""
    try:
        return _Stream(stream).read()
    except struct.error:
        raise ValueError("a table whose metadata reach beyond their end") from None
    except UnicodeDecodeError:
        raise ValueError("a table with a column whose name is not UTF-8") from None


class Metadata:
    """A flatbuffer, all of whose vectors together are not longer than it."""

    def __init__(self, data: memoryview[int]) -> None:
        self._data = data
        self._left = self.size = len(data)

    def at(self, form: struct.Struct, place: int) -> int:
        if place < 0:  # which struct counts from the end
            raise struct.error
        number: int = form.unpack_from(self._data, place)[0]
        return number

    def target(self, place: int) -> int:
        return place + self.at(_U32, place)

    def find(self, table: int, number: int) -> int | None:
        """Where a field of a table is, if it has it."""
        vtable = table - self.at(_I32, table)
        if 4 + 2 * number + 2 > self.at(_U16, vtable):
            return None
        offset = self.at(_U16, vtable + 4 + 2 * number)
        return table + offset if offset else None

    def scalar(self, table: int, number: int, form: struct.Struct) -> int:
        place = self.find(table, number)
        return 0 if place is None else self.at(form, place)

    def table(self, table: int, number: int) -> int | None:
        place = self.find(table, number)
        return None if place is None else self.target(place)

    def tables(self, table: int, number: int) -> list[int]:
        vector = self.table(table, number)
        if vector is None:
            return []
        places = range(vector + 4, vector + 4 + 4 * self._count(vector, 4), 4)
        return [self.target(place) for place in places]

    def pairs(self, table: int, number: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """A vector of structures of two i64: all the first, and all the second."""
        vector = self.table(table, number)
        if vector is None:
            return (), ()
        numbers = struct.unpack_from(f"<{2 * self._count(vector, 16)}q", self._data, vector + 4)
        return numbers[::2], numbers[1::2]

    def text(self, table: int, number: int) -> str:
        vector = self.table(table, number)
        if vector is None:
            return ""
        return str(self._data[vector + 4 : vector + 4 + self._count(vector, 1)], "utf-8")

    def skip(self, table: int, number: int, size: int) -> None:
        """A vector that only Arrow reads."""
        vector = self.table(table, number)
        if vector is not None:
            self._count(vector, size)

    def _count(self, vector: int, size: int) -> int:
        count = self.at(_U32, vector)
        if count * size > self.size - vector - 4:
            raise struct.error
        self._left -= count * size
        if self._left < 0:
            raise ValueError("a table whose metadata overlap")
        return count


class _Stream:
    def __init__(self, data: memoryview[int]) -> None:
        self._data = data
        self._fields: list[bool] | None = None
        # Whether the elements of each field become objects: of the schema's, those in them included, in the order of a
        # batch's nodes; and by its id of a dictionary's values.
        self._dictionaries: dict[int, list[bool]] = {}
        # Of each of these how many elements it has by now, and of how many fields it is.
        self._lengths: dict[int, int] = {}
        self._users: Counter[int] = Counter()
        self._repeated = 0
        self._batches = 0
        self._objects = 0
        self._weight = 0

    def read(self) -> Contents:
        place = 0
        while True:
            if len(self._data) - place < 8:
                raise ValueError("a table whose stream is cut off")
            marker, size = _PREFIX.unpack_from(self._data, place)
            place += 8
            if marker != _CONTINUATION or size < 0 or size % 8 != 0:
                raise ValueError("a table whose stream has no message where one should begin")
            if size == 0:
                break
            place = self._read_message(place, size)
        if place != len(self._data):
            raise ValueError("a table with bytes after the end of its stream")
        if self._fields is None:
            raise ValueError("a table without a schema")
        return Contents(self._batches, self._objects, self._weight)

    def _read_message(self, place: int, size: int) -> int:
        if size > len(self._data) - place:
            raise ValueError("a table whose stream is cut off")
        metadata = Metadata(self._data[place : place + size])
        message = metadata.target(0)
        if metadata.scalar(message, 0, _I16) != _V5:
            raise ValueError("a table of another version of Arrow's metadata than 5")
        self._skip_pairs(metadata, message, 4)
        kind = metadata.scalar(message, 1, _U8)
        header = metadata.table(message, 2)
        body = metadata.scalar(message, 3, _I64)
        if header is None or body < 0 or body % 8 != 0 or (kind == _SCHEMA) != (self._fields is None):
            raise ValueError("a table whose stream is not one schema and batches")
        if body > len(self._data) - place - size:
            raise ValueError("a table whose stream is cut off")
        if kind == _SCHEMA:
            self._read_schema(metadata, header)
        elif kind == _DICTIONARY_BATCH:
            self._read_dictionary(metadata, header, body)
        elif kind == _RECORD_BATCH:
            self._weight += 0 if self._batches == 0 else _WEIGHT * (1 + len(self._fields or []))
            self._batches += 1
            self._repeated += sum(self._lengths[each] * self._users[each] for each in self._lengths)
            if self._repeated > _MAX_REPEATED:
                raise IpcError("resource_exhausted", "a table of too many batches with one dictionary: join them")
            self._read_batch(metadata, header, body, self._fields or [])
        else:
            raise ValueError("a table whose stream is not one schema and batches")
        return place + size + body

    def _read_schema(self, metadata: Metadata, schema: int) -> None:
        if metadata.scalar(schema, 0, _I16) != 0:
            raise ValueError("a table that is big-endian")
        self._fields = []
        self._skip_pairs(metadata, schema, 2)
        self._room = metadata.size // _LEAST_FIELD
        for field in metadata.tables(schema, 1):
            self._read_field(metadata, field, self._fields, 0)

    def _skip_pairs(self, metadata: Metadata, table: int, number: int) -> None:
        for pair in metadata.tables(table, number):
            metadata.skip(pair, 0, 1)
            metadata.skip(pair, 1, 1)

    def _read_field(self, metadata: Metadata, field: int, fields: list[bool], depth: int) -> None:
        self._room -= 1
        if depth == _MAX_DEPTH or self._room < 0:
            raise ValueError("a table whose fields are nested more than 64 levels deep, or more than its metadata hold")
        metadata.text(field, 0)
        self._skip_pairs(metadata, field, 6)
        kind = metadata.scalar(field, 2, _U8)
        type_table = metadata.table(field, 3)
        if type_table is None or not _NULL <= kind <= _LARGE_LIST:
            raise ValueError("a table with a column of a type that no sender writes")
        if kind in (_TIMESTAMP, _UNION):  # its time zone, the numbers of its types
            metadata.skip(type_table, 1, 1 if kind == _TIMESTAMP else 4)
        is_empty = kind == _NULL or (kind == _FIXED_SIZE_BINARY and metadata.scalar(type_table, 0, _I32) == 0)
        dictionary = metadata.table(field, 4)
        if dictionary is not None:
            if kind in _NESTED:  # which some readers repeat for each element
                raise ValueError("a table with a dictionary of lists, structs or maps")
            fields.append(False)
            key = metadata.scalar(dictionary, 0, _I64)
            self._users[key] += 1
            fields = self._dictionaries.setdefault(key, [])
            fields.clear()
        fields.append(is_empty or kind in _NESTED)
        for child in metadata.tables(field, 5):
            self._read_field(metadata, child, fields, depth + 1)

    def _read_dictionary(self, metadata: Metadata, header: int, body: int) -> None:
        self._weight += 2 * _WEIGHT
        key = metadata.scalar(header, 0, _I64)
        fields = self._dictionaries.get(key)
        batch = metadata.table(header, 1)
        if fields is None or batch is None:
            raise ValueError("a table with a dictionary of none of its columns")
        length = self._read_batch(metadata, batch, body, fields)
        is_delta = metadata.scalar(header, 2, _U8) != 0
        self._lengths[key] = length + (self._lengths.get(key, 0) if is_delta else 0)

    def _read_batch(self, metadata: Metadata, batch: int, body: int, fields: list[bool]) -> int:
        """How many elements its longest column has."""
        if metadata.find(batch, 3) is not None:
            raise ValueError("a table that is compressed")
        lengths, nulls = metadata.pairs(batch, 1)
        if len(lengths) != len(fields) or min(lengths, default=0) < 0 or min(nulls, default=0) < 0:
            raise ValueError("a table with a batch that is not of its schema")
        self._objects += sum(length for length, is_object in zip(lengths, fields) if is_object)
        offsets, sizes = metadata.pairs(batch, 2)
        if any(offset < 0 or offset % 8 != 0 for offset in offsets) or min(sizes, default=0) < 0:
            raise ValueError("a table with buffers that are not at multiples of 8")
        if any(offset + size > body for offset, size in zip(offsets, sizes)) or sum(sizes) > body:
            raise ValueError("a table with buffers that overlap, or reach beyond the end of their batch")
        return max(lengths, default=0)
