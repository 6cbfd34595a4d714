"""The decoder that decides: slow, exact, and able to say what is wrong with bytes that ormsgpack refused.

It also takes what the fast path leaves out: sets and dicts with any keys inside one another, and deep nesting.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NoReturn

from .._errors import IpcError
from .._native import MAX_WEIGHT
from . import _times
from ._keys import spread
from ._wire import BIG_INT, HEAVY, KWARGS, LOCAL_DATETIME, MAP, MAP_HEADS, MAX_DEPTH, SET, TIMESTAMP, too_large


def _big_int(data: bytes) -> int:
    if not data:
        raise ValueError("an integer without bytes")
    return int.from_bytes(data, "big", signed=True)


SCALAR_EXTENSIONS: dict[int, Callable[[bytes], Any]] = {
    TIMESTAMP: _times.decode_aware,
    LOCAL_DATETIME: _times.decode_naive,
    BIG_INT: _big_int,
}


def decode_value(data: bytes | memoryview) -> Any:
    try:
        reader = _Reader(bytes(data))
        value = reader.value(0)
        reader.expect_end()
        return value
    except RecursionError:
        raise _no_stack() from None


def decode_arguments(data: bytes | memoryview) -> tuple[list[Any], dict[str, Any]]:
    try:
        return _arguments(_Reader(bytes(data)))
    except RecursionError:
        raise _no_stack() from None


def _no_stack() -> IpcError:
    # Python's limit on frames counts those of the caller too.
    return IpcError("resource_exhausted", "a value nested deeper than is left of the thread's recursion limit")


def _arguments(reader: _Reader) -> tuple[list[Any], dict[str, Any]]:
    head = reader.byte()
    if 0x90 <= head <= 0x9F:
        count = head & 0x0F
    elif head in (0xDC, 0xDD):
        count = reader.number(_LENGTHS[head])
    else:
        reader.malformed("arguments that are not a list")
    reader.expect_items(count, "arguments")
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for index in range(count):
        if index == count - 1 and reader.extension_ahead() == KWARGS:
            kwargs = reader.kwargs()
        else:
            args.append(reader.value(0))
    reader.expect_end()
    return args, kwargs


_LENGTHS = {  # of strings, bytes, lists, dicts and extensions, by their first byte
    **dict(zip(range(0xC4, 0xCA), (">B", ">H", ">I") * 2)),
    **dict(zip(range(0xD9, 0xE0), (">B", ">H", ">I", ">H", ">I", ">H", ">I"))),
}
_NUMBERS = dict(zip(range(0xCA, 0xD4), (">f", ">d", ">B", ">H", ">I", ">Q", ">b", ">h", ">i", ">q")))
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._end = len(data)
        self._weight = 1

    def value(self, depth: int) -> Any:
        head = self.byte()
        if head < 0x80:
            return head
        if head >= 0xE0:
            return head - 0x100
        if head < 0x90:
            return self._dict(head & 0x0F, depth)
        if head < 0xA0:
            return self._list(head & 0x0F, depth)
        if head < 0xC0:
            return self._text(head & 0x1F)
        if head in _CONSTANTS:
            return _CONSTANTS[head]
        if head in _NUMBERS:
            return self.number(_NUMBERS[head])
        if 0xD4 <= head <= 0xD8:
            return self._extension(1 << (head - 0xD4), depth)
        if head == 0xC1:
            self.malformed("a byte that MessagePack never uses")
        length = self.number(_LENGTHS[head])
        if head <= 0xC6:
            self._weigh(HEAVY - 1)
            return self._take(length)
        if head <= 0xC9:
            return self._extension(length, depth)
        if head <= 0xDB:
            return self._text(length)
        return self._list(length, depth) if head <= 0xDD else self._dict(length, depth)

    def byte(self) -> int:
        return self._take(1)[0]

    def number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def expect_end(self) -> None:
        if self._at != self._end:
            self.malformed(f"{self._end - self._at} bytes after the value")

    def expect_items(self, count: int, what: str) -> None:
        """Items weigh 1 each, to which those that are heavy add the rest themselves."""
        if count > self._end - self._at:
            self.malformed(f"{count} {what} announced, {self._end - self._at} bytes left")
        self._weigh(HEAVY - 1 + count)

    def extension_ahead(self) -> int | None:
        """The type of the extension that comes next, None if something else does."""
        head = self._data[self._at] if self._at < self._end else 0
        skip = 1 if 0xD4 <= head <= 0xD8 else {0xC7: 2, 0xC8: 3, 0xC9: 5}.get(head)
        if skip is None or self._at + skip >= self._end:
            return None
        return self._data[self._at + skip]

    def kwargs(self) -> dict[str, Any]:
        head = self.byte()
        length = 1 << (head - 0xD4) if 0xD4 <= head <= 0xD8 else self.number(_LENGTHS[head])
        self.byte()
        self._weigh(HEAVY - 1)
        if length == 0 or self._at == self._end or self._data[self._at] not in MAP_HEADS:
            self.malformed("keyword arguments that are not a dict")
        keywords: dict[str, Any] = self._contents(length, -1)  # not itself a level of any argument
        return keywords

    def malformed(self, reason: str) -> NoReturn:
        raise IpcError("data_loss", f"malformed value at byte {self._at}: {reason}")

    def _weigh(self, weight: int) -> None:
        self._weight += weight
        if self._weight > MAX_WEIGHT:
            raise too_large()

    def _take(self, length: int) -> bytes:
        start = self._at
        if length > self._end - start:
            self.malformed(f"{length} bytes announced, {self._end - start} left")
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

    def _list(self, count: int, depth: int) -> list[Any]:
        depth = self._enter(depth)
        self.expect_items(count, "items")
        return [self.value(depth) for _ in range(count)]

    def _dict(self, count: int, depth: int) -> dict[str, Any]:
        depth = self._enter(depth)
        self.expect_items(2 * count, "keys and values")
        found: dict[str, Any] = {}
        for _ in range(count):
            key = self.value(depth)
            if type(key) is not str:
                self.malformed("a key that is not a string")
            found[key] = self.value(depth)
        return found

    def _extension(self, length: int, depth: int) -> Any:
        (tag,) = struct.unpack(">b", self._take(1))
        self._weigh(HEAVY - 1)
        if tag in SCALAR_EXTENSIONS:
            return self._scalar(tag, self._take(length))
        if tag == KWARGS:
            self.malformed("keyword arguments elsewhere than at the end of the arguments")
        if tag not in (MAP, SET):
            self.malformed(f"the unknown extension type {tag}")
        items = self._contents(length, depth)
        if type(items) is not list or (tag == MAP and len(items) % 2):
            self.malformed("a set or a dict whose contents are not a list")
        if tag == SET:
            return set(spread(list(map(_hashable, items))))
        return dict(zip(spread(list(map(_hashable, items[::2]))), items[1::2]))

    def _contents(self, length: int, depth: int) -> Any:
        if length > self._end - self._at:
            self.malformed(f"{length} bytes announced, {self._end - self._at} left")
        self._weigh(1)
        outer, self._end = self._end, self._at + length
        value = self.value(depth)
        self.expect_end()
        self._end = outer
        return value

    def _scalar(self, tag: int, data: bytes) -> Any:
        try:
            return SCALAR_EXTENSIONS[tag](data)
        except OverflowError:
            raise IpcError("out_of_range", "a date outside the years 1 to 9999, which datetime cannot hold") from None
        except ValueError as error:
            self.malformed(str(error))


def _hashable(value: Any) -> Any:
    """Lists become tuples and sets frozensets, where Python demands it: as a dict's key or a set's element."""
    kind = type(value)
    if kind is list:
        return tuple(map(_hashable, value))
    if kind is set:
        return frozenset(value)
    if kind is dict:
        raise IpcError("invalid_argument", "a dict as a set's element or a dict's key has no form in Python")
    return value
