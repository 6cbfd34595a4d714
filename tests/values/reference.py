"""docs/values.md, "The bytes", read as simply as it can be: what the native decoder must agree with, but for "Size"."""

from __future__ import annotations

import math
import re
import struct
from typing import Any, NoReturn

import numpy

from ipcbridge._errors import IpcError
from ipcbridge._values import _times

TIMESTAMP, MAP, SET, BIG_INT, LOCAL_DATETIME, KWARGS, ARRAY = -1, 1, 2, 3, 4, 5, 10
MAX_DEPTH = 128
MAX_DIMENSIONS = 64
MAX_ITEM_SIZE = 2**31 - 1
MAX_ARRAY_SIZE = 2**53 - 1

_FIXED = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}


def extension(tag: int, contents: bytes) -> bytes:
    """The shortest form of an extension."""
    size = len(contents)
    if size in _FIXED:
        return struct.pack(">Bb", _FIXED[size], tag) + contents
    if size < 1 << 8:
        return struct.pack(">BBb", 0xC7, size, tag) + contents
    if size < 1 << 16:
        return struct.pack(">BHb", 0xC8, size, tag) + contents
    return struct.pack(">BIb", 0xC9, size, tag) + contents


def decode(data: bytes) -> Any:
    reader = _Reader(data)
    value = reader.value(0, False)
    reader.expect_end()
    return value


def decode_args(data: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
    reader = _Reader(data)
    count = reader.list_head()
    if count is None:
        reader.malformed("arguments that are not a list")
    reader.expect_items(count)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for index in range(count):
        if index == count - 1 and reader.extension_ahead() == KWARGS:
            kwargs = reader.kwargs()
        else:
            args.append(reader.value(0, False))
    reader.expect_end()
    return tuple(args), kwargs


_LENGTHS = {  # of strings, bytes, lists, dicts and extensions, by their first byte
    **dict(zip(range(0xC4, 0xCA), (">B", ">H", ">I") * 2)),
    **dict(zip(range(0xD9, 0xE0), (">B", ">H", ">I", ">H", ">I", ">H", ">I"))),
}
_NUMBERS = dict(zip(range(0xCA, 0xD4), (">f", ">d", ">B", ">H", ">I", ">Q", ">b", ">h", ">i", ">q")))
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


def _item_size(name: str) -> int:
    """Of a dtype that is no structure; 0 of none."""
    if name in ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16"):
        return int(name[2:])
    if found := re.fullmatch(r"<[Mm]8(\[([1-9]\d*)?([YMWDhms]|[munpfa]s)\])?", name, re.ASCII):
        return 8 if 2 <= int(found[2] or 2) <= MAX_ITEM_SIZE else 0
    if found := re.fullmatch(r"(<U|\|S|\|V)([1-9]\d*)", name, re.ASCII):
        size = int(found[2]) * (4 if found[1] == "<U" else 1)
        return size if size <= MAX_ITEM_SIZE else 0
    return 0


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._end = len(data)

    def value(self, depth: int, as_key: bool) -> Any:
        head = self.number(">B")
        if head < 0x80:
            return head
        if head >= 0xE0:
            return head - 0x100
        if 0xA0 <= head < 0xC0:
            return self._text(head & 0x1F)
        if head in _CONSTANTS:
            return _CONSTANTS[head]
        if head in _NUMBERS:
            return self.number(_NUMBERS[head])
        if head == 0xC1:
            self.malformed("a byte that MessagePack never uses")
        if 0x80 <= head < 0xA0:
            length = head & 0x0F
        elif 0xD4 <= head <= 0xD8:
            length = 1 << (head - 0xD4)
        else:
            length = self.number(_LENGTHS[head])
        if 0xC4 <= head <= 0xC6:
            return self._take(length)
        if 0xD9 <= head <= 0xDB:
            return self._text(length)
        if head < 0x90 or head >= 0xDE:
            return self._dict(length, depth, as_key)
        if head < 0xA0 or head >= 0xDC:
            items = self._items(length, depth, as_key)
            return tuple(items) if as_key else items
        return self._extension(length, depth, as_key)

    def number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def list_head(self) -> int | None:
        head = self._data[self._at] if self._at < self._end else 0
        if 0x90 <= head < 0xA0:
            return self.number(">B") & 0x0F  # type: ignore[no-any-return]
        if head in (0xDC, 0xDD):
            self._at += 1
            return self.number(_LENGTHS[head])  # type: ignore[no-any-return]
        return None

    def expect_end(self) -> None:
        if self._at != self._end:
            self.malformed("bytes after the value")

    def expect_items(self, count: int) -> None:
        if count > self._end - self._at:
            self.malformed("more items than bytes")

    def extension_ahead(self) -> int | None:
        head = self._data[self._at] if self._at < self._end else 0
        skip = 1 if 0xD4 <= head <= 0xD8 else {0xC7: 2, 0xC8: 3, 0xC9: 5}.get(head)
        if skip is None or self._at + skip >= self._end:
            return None
        return struct.unpack_from(">b", self._data, self._at + skip)[0]  # type: ignore[no-any-return]

    def kwargs(self) -> dict[str, Any]:
        head = self.number(">B")
        length = 1 << (head - 0xD4) if 0xD4 <= head <= 0xD8 else self.number(_LENGTHS[head])
        self.number(">B")
        outer = self._enter_contents(length)
        if self._at == self._end or not (0x80 <= self._data[self._at] < 0x90 or self._data[self._at] in (0xDE, 0xDF)):
            self.malformed("keyword arguments that are not a dict")
        keywords: dict[str, Any] = self.value(-1, False)  # not itself a level of any argument
        self.expect_end()
        self._end = outer
        return keywords

    def malformed(self, reason: str) -> NoReturn:
        raise IpcError("data_loss", f"malformed value at byte {self._at}: {reason}")

    def _take(self, length: int) -> bytes:
        start = self._at
        if length > self._end - start:
            self.malformed("more bytes are announced than are there")
        self._at = start + length
        return self._data[start : self._at]

    def _text(self, length: int) -> str:
        try:
            return self._take(length).decode()
        except UnicodeDecodeError:
            self.malformed("a string that is not UTF-8")

    def _enter(self, depth: int) -> int:
        if depth >= MAX_DEPTH:
            self.malformed(f"nested more than {MAX_DEPTH} levels deep")
        return depth + 1

    def _items(self, count: int, depth: int, as_key: bool) -> list[Any]:
        depth = self._enter(depth)
        self.expect_items(count)
        return [self.value(depth, as_key) for _ in range(count)]

    def _dict(self, count: int, depth: int, as_key: bool) -> dict[str, Any]:
        depth = self._enter(depth)
        if as_key:
            self._unhashable()
        self.expect_items(2 * count)
        found: dict[str, Any] = {}
        for _ in range(count):
            key = self.value(depth, False)
            if type(key) is not str:
                self.malformed("a key that is not a string")
            found[key] = self.value(depth, False)
        return found

    def _extension(self, length: int, depth: int, as_key: bool) -> Any:
        tag = self.number(">b")
        if tag in (TIMESTAMP, LOCAL_DATETIME, BIG_INT):
            return self._scalar(tag, self._take(length))
        if tag == ARRAY:
            return self._array(length, as_key)
        if tag not in (MAP, SET):
            self.malformed("an extension that may not stand here")
        outer = self._enter_contents(length)
        count = self.list_head()
        if count is None:
            self.malformed("contents that are not a list")
        depth = self._enter(depth)
        self.expect_items(count)
        if tag == MAP and count % 2:
            self.malformed("a key without a value")
        if tag == MAP and as_key:
            self._unhashable()
        items = [self.value(depth, tag == SET or index % 2 == 0) for index in range(count)]
        self.expect_end()
        self._end = outer
        if tag == SET:
            return frozenset(items) if as_key else set(items)
        return dict(zip(items[::2], items[1::2]))

    def _array(self, length: int, as_key: bool) -> Any:
        outer = self._enter_contents(length)
        if self._list_size() != 3:
            self.malformed("no dtype, shape and data")
        if as_key:
            raise IpcError("invalid_argument", "an array that is a key or an element")
        dtype, item_size = self._dtype(0)
        shape = self._shape(item_size)
        if self._ahead() not in (0xC4, 0xC5, 0xC6):
            self.malformed("data that are not bytes")
        data = self._take(self.number(_LENGTHS[self.number(">B")]))
        if len(data) != math.prod(shape) * item_size:
            self.malformed("data that are not of the shape")
        self.expect_end()
        self._end = outer
        return numpy.ndarray(shape, dtype, data)

    def _dtype(self, depth: int) -> tuple[Any, int]:
        count = self.list_head()
        if count is None:
            name = self._name()
            size = _item_size(name)
            return (name, size) if size else self.malformed("an unknown dtype")
        self.expect_items(count)
        if depth == MAX_DEPTH or count == 0:
            self.malformed("fields too deep, or none")
        fields: list[Any] = []
        total = 0
        for _ in range(count):
            parts = self._list_size()
            if parts not in (2, 3):
                self.malformed("a field of other parts")
            name = self._name()
            if not name or any(name == field[0] for field in fields):
                self.malformed("a field without a name of its own")
            dtype, size = self._dtype(depth + 1)
            shape = self._shape(size) if parts == 3 else []
            total += size * math.prod(shape)
            if 0 in shape or total > MAX_ITEM_SIZE:
                self.malformed("elements of no size, or a large one")
            fields.append((name, dtype, tuple(shape)) if shape else (name, dtype))
        return fields, total

    def _shape(self, item_size: int) -> list[int]:
        count = self._list_size()
        if count > MAX_DIMENSIONS:
            self.malformed("too many dimensions")
        shape = []
        for _ in range(count):
            head = self._ahead()
            if not (head < 0x80 or 0xCC <= head <= 0xD3):
                self.malformed("no dimension")
            shape.append(self.value(0, False))
        if min(shape, default=0) < 0 or math.prod(filter(None, shape)) * item_size > MAX_ARRAY_SIZE:
            self.malformed("too many elements")
        return shape

    def _name(self) -> str:
        head = self._ahead()
        if not (0xA0 <= head < 0xC0 or 0xD9 <= head <= 0xDB):
            self.malformed("no name")
        return self.value(0, False)  # type: ignore[no-any-return]

    def _list_size(self) -> int:
        count = self.list_head()
        if count is None:
            self.malformed("no list")
        self.expect_items(count)
        return count

    def _ahead(self) -> int:
        return self._data[self._at] if self._at < self._end else 0xC1

    def _enter_contents(self, length: int) -> int:
        if length > self._end - self._at:
            self.malformed("more bytes are announced than are there")
        outer, self._end = self._end, self._at + length
        return outer

    def _unhashable(self) -> NoReturn:
        raise IpcError("invalid_argument", "a dict that is a key or an element")

    def _scalar(self, tag: int, data: bytes) -> Any:
        try:
            if tag == TIMESTAMP:
                return _times.decode_aware(data)
            if tag == LOCAL_DATETIME:
                return _times.decode_naive(data)
        except OverflowError:
            raise IpcError("out_of_range", "a date that datetime cannot hold") from None
        except ValueError as error:
            self.malformed(str(error))
        if not data:
            self.malformed("an integer without bytes")
        return int.from_bytes(data, "big", signed=True)
