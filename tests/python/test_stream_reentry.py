"""Reading an item may run Python code, which may do anything to the stream that the item is of."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from types import FrameType
from typing import Any

import pytest
from either import Run

from ipcbridge import aio

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
# Long enough to have memory of its own, which is gone as soon as it is freed.
ITEM = [NOON, "x" * 1_000_000]


@contextmanager
def while_dates_are_read(act: Callable[[], object]) -> Iterator[None]:
    """Acts once, where the next item's date is made: the rest of the item has not been read then."""

    def look(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code.co_name == "decode_aware":
            sys.setprofile(None)
            act()

    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)


@pytest.fixture
def service(serve: Any, address: str) -> str:
    def rows() -> Iterator[Any]:
        yield ITEM
        yield ITEM
        yield "the end"

    serve(address, {"rows": rows})
    return address


def test_a_stream_that_is_closed_meanwhile_still_gives_the_item(service: str, connect: Any) -> None:
    stream = connect(service).rows()
    with while_dates_are_read(stream.close):
        assert next(stream) == ITEM
    assert list(stream) == []


def test_what_reads_on_meanwhile_gets_the_next_item(service: str, connect: Any) -> None:
    stream = connect(service).rows()
    read: list[Any] = []
    with while_dates_are_read(lambda: read.extend(stream)):
        assert next(stream) == ITEM
    assert read == [ITEM, "the end"]


def test_the_same_on_an_event_loop(service: str, run: Run) -> None:
    async def main() -> None:
        async with aio.connect(service) as calc:
            stream: AsyncIterator[Any] = await calc.rows()
            with while_dates_are_read(stream.close):  # type: ignore[attr-defined]
                assert await stream.__anext__() == ITEM
            assert [item async for item in stream] == []

    run(main())
