"""The measuring loops of large values for blocking clients; see payload_loops.mjs and payload_loops_async.py."""

import time
from collections.abc import Callable
from typing import Any

from loops import Result, summary
from payload_values import payload, records

Check = Callable[[Any], None]


def repeated(call: Callable[[], Any], check: Check, *, seconds: float, least: int, most: float) -> Result:
    """One call after the other: `least` at least and for `seconds`, but none is begun once `most` seconds are over."""
    clock = time.perf_counter_ns
    samples: list[int] = []
    begin = before = clock()
    while len(samples) < least or before - begin < seconds * 1e9:
        if samples and before - begin > most * 1e9:
            break
        result = call()
        samples.append(clock() - before)
        check(result)
        before = clock()
    return summary(samples)


def warmed_up(call: Callable[[], Any], check: Check, seconds: float, warmup: float, most: float) -> Result:
    repeated(call, check, seconds=warmup, least=2, most=most / 4)
    return without_tails(repeated(call, check, seconds=seconds, least=3, most=most))


def without_tails(result: Result) -> Result:
    return {name: result[name] for name in ("calls", "p50_us", "p99_us")}


def number_check(size: int) -> Check:
    def check(result: int) -> None:
        if result != size:
            raise AssertionError(f"{result} bytes arrived in place of {size}")

    return check


def records_check(expected: list[dict[str, Any]]) -> Check:
    def check(result: list[dict[str, Any]]) -> None:
        if len(result) != len(expected) or result[-1]["name"] != expected[-1]["name"]:
            raise AssertionError("wrong records")

    return check


def bytes_there(client: Any, *, size: int, seconds: float, warmup: float, most: float, **_: Any) -> Result:
    """`size` bytes one way; their number comes back."""
    data = payload(size)
    return warmed_up(lambda: client.count_bytes(data), number_check(size), seconds, warmup, most)


def list_of_records(client: Any, *, count: int, seconds: float, warmup: float, most: float, **_: Any) -> Result:
    """A list of `count` records there and back."""
    value = records(count)
    return warmed_up(lambda: client.echo(value), records_check(value), seconds, warmup, most)
