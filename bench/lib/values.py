"""The work itself, the same for every way: a method `upper` that takes and returns a string of 10 bytes."""

import time
from collections.abc import AsyncIterator, Callable, Iterator

ARGUMENT = "abcdefghij"
EXPECTED = "ABCDEFGHIJ"


def upper(text: str) -> str:
    return text.upper()


def slow(milliseconds: float) -> str:
    time.sleep(milliseconds / 1000)  # gives the GIL up, as a database driver would
    return "done"


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


async def numbers_async(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


def call_back(count: int, callback: Callable[[str], str]) -> str:
    for _ in range(count):
        callback(ARGUMENT)
    return EXPECTED


HANDLERS = {"upper": upper}
STREAM_HANDLERS = {"numbers": numbers, "numbers_async": numbers_async, "call_back": call_back}
SLOW_HANDLERS = {"upper": upper, "slow": slow}


def check(result: object) -> None:
    if result != EXPECTED:
        raise AssertionError(f"wrong result: {result!r}")
