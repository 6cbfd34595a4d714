"""The work itself, the same for every way: a method `upper` that takes and returns a string of 10 bytes."""

import time

ARGUMENT = "abcdefghij"
EXPECTED = "ABCDEFGHIJ"


def upper(text: str) -> str:
    return text.upper()


def slow(milliseconds: float) -> str:
    time.sleep(milliseconds / 1000)  # gives the GIL up, as a database driver would
    return "done"


HANDLERS = {"upper": upper}
SLOW_HANDLERS = {"upper": upper, "slow": slow}


def check(result: object) -> None:
    if result != EXPECTED:
        raise AssertionError(f"wrong result: {result!r}")
