"""The measuring loops of streams, callbacks and submitted calls for blocking clients; see stream_loops.mjs."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from loops import Call, Result, summary
from proc import cpu_seconds
from values import ARGUMENT, check

Stream = Callable[[int], Iterator[int]]


def read(stream: Stream, count: int, seconds: float) -> int:
    """Streams of `count` small items, one after the other until the time is over; how many items came."""
    end = time.perf_counter() + seconds
    items = 0
    while time.perf_counter() < end:
        expected = 0
        for item in stream(count):
            if item != expected:
                raise AssertionError(f"wrong item: {item!r}")
            expected += 1
        if expected != count:
            raise AssertionError(f"{expected} items in place of {count}")
        items += expected
    return items


def items(stream: Stream, *, count: int, seconds: float, warmup: float, pids: Iterable[int], **_: Any) -> Result:
    read(stream, count, warmup)
    cpu_before = cpu_seconds(pids)
    begin = time.perf_counter()
    total = read(stream, count, seconds)
    elapsed = time.perf_counter() - begin
    return {"items_per_s": total / elapsed, "cpu_s_per_million": (cpu_seconds(pids) - cpu_before) / total * 1e6}


def beside_calls(call: Call, act: Callable[[], Iterable[Any]], seconds: float) -> Result:
    """In turn with a call: the two p50. Of what `act` gives the first is timed; the rest is read as well."""
    acts, calls = [], []
    clock = time.perf_counter_ns
    end = clock() + int(seconds * 1e9)
    while clock() < end:
        begin = clock()
        rest = iter(act())
        next(rest)
        middle = clock()
        deque(rest, maxlen=0)
        second = clock()
        check(call(ARGUMENT))
        calls.append(clock() - second)
        acts.append(middle - begin)
    return {"p50_us": summary(acts)["p50_us"], "call_p50_us": summary(calls)["p50_us"]}


def first(call: Call, stream: Stream, *, seconds: float, warmup: float, **_: Any) -> Result:
    """The first item of a stream that has two."""
    beside_calls(call, lambda: stream(2), warmup)
    return beside_calls(call, lambda: stream(2), seconds)


def callbacks(
    call: Call, call_back: Callable[..., str], *, count: int, seconds: float, warmup: float, **_: Any
) -> Result:
    """One of `count` round trips of a callback within a call."""

    def act() -> tuple[str]:
        return (call_back(count, lambda text: text),)

    beside_calls(call, act, warmup)
    result = beside_calls(call, act, seconds)
    return {**result, "p50_us": (result["p50_us"] - result["call_p50_us"]) / count}


class Submitted:
    """The Pipeline of calls whose results are futures."""

    def __init__(self, submit: Callable[[str], "Future[str]"]) -> None:
        self._submit = submit
        self._futures: deque[Future[str]] = deque()

    def post(self, count: int) -> None:
        for _ in range(count):
            self._futures.append(self._submit(ARGUMENT))

    def take(self) -> list[str]:
        results = [self._futures.popleft().result()]
        while self._futures and self._futures[0].done():
            results.append(self._futures.popleft().result())
        return results
