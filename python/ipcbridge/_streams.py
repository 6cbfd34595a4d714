"""What is sent item by item."""

from __future__ import annotations

from ._errors import IpcError
from ._shown import shown
from ._typing import Any


class Source:
    """What stream() gives: the argument, or the result, that travels item by item. It is read once."""

    __slots__ = ("is_async", "iterator")

    def __init__(self, iterator: Any, is_async: bool) -> None:
        self.iterator = iterator
        self.is_async = is_async


def stream(iterable: Any) -> Source:
    """`iterable` as a stream: the other side gets its items one by one, and no list of them.

    To be passed as an argument, or returned by a handler, anywhere in the value. Generators and async generators are
    streams without this; lists, `map`, files and other iterables are not unless they are given to it. Raises
    IpcError('invalid_argument') for what cannot be iterated.
    """
    kind = type(iterable)
    if hasattr(kind, "__aiter__"):
        return Source(iterable.__aiter__(), True)
    if isinstance(iterable, Source):
        return iterable
    try:
        return Source(iter(iterable), False)
    except TypeError:
        raise IpcError("invalid_argument", f"stream() takes what can be iterated, not {shown(iterable)}") from None
