"""The measuring loops for blocking clients. Only `call` differs between ways; see loops_async.py and loops.mjs."""

import time
from collections.abc import Callable, Iterable
from statistics import fmean, median
from typing import Any, Protocol

from proc import cpu_seconds
from values import ARGUMENT, check

Call = Callable[[str], str]
Result = dict[str, float]


class Pipeline(Protocol):
    """A blocking connection with many requests under way."""

    def post(self, count: int) -> None:
        """Send `count` requests with as few system calls as the way allows."""

    def take(self) -> list[str]:
        """Wait for at least one result; return all that have arrived."""


def summary(samples: list[int]) -> Result:
    """Of durations in nanoseconds, in microseconds."""
    ordered = sorted(samples)

    def at(q: float) -> float:
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))] / 1000

    return {
        "calls": len(ordered),
        "p50_us": at(0.5),
        "p99_us": at(0.99),
        "p999_us": at(0.999),
        "max_us": ordered[-1] / 1000,
        "mean_us": fmean(ordered) / 1000,
    }


def sequential(call: Call, seconds: float) -> list[int]:
    """One call after the other until the time is over; the durations of the calls."""
    clock = time.perf_counter_ns
    samples: list[int] = []
    end = clock() + int(seconds * 1e9)
    before = clock()
    while before < end:
        check(call(ARGUMENT))
        after = clock()
        samples.append(after - before)
        before = after
    return samples


def burst(call: Call, calls: int) -> float:
    begin = time.perf_counter_ns()
    for _ in range(calls):
        check(call(ARGUMENT))
    return (time.perf_counter_ns() - begin) / 1000


def bursts(call: Call, *, calls: int, repeats: int, pause: float, warmup: float, **_: Any) -> Result:
    """A program's first calls: back to back on a fresh connection, then again once everything is warm."""
    cold = burst(call, calls)
    sequential(call, warmup)
    totals = []
    for _repeat in range(repeats):
        time.sleep(pause)
        totals.append(burst(call, calls))
    warm = median(totals)
    return {"cold_total_us": cold, "cold_call_us": cold / calls, "total_us": warm, "call_us": warm / calls}


def spaced(call: Call, *, calls: int, gap: float, warmup: float, **_: Any) -> Result:
    """Calls with a pause between them; only the calls are timed."""
    sequential(call, warmup)
    durations = []
    for _repeat in range(calls):
        time.sleep(gap)
        before = time.perf_counter_ns()
        check(call(ARGUMENT))
        durations.append((time.perf_counter_ns() - before) / 1000)
    return {"total_us": sum(durations), "call_us": median(durations)}


def one(call: Call, *, seconds: float, warmup: float, pids: Iterable[int], **_: Any) -> Result:
    """One in flight."""
    sequential(call, warmup)
    before = cpu_seconds(pids)
    samples = sequential(call, seconds)
    cpu = cpu_seconds(pids) - before
    return {**summary(samples), "cpu_s_per_10k": cpu / len(samples) * 10000}


def pipelined(client: Pipeline, depth: int, seconds: float) -> int:
    end = time.perf_counter() + seconds
    client.post(depth)
    in_flight, calls = depth, 0
    while in_flight:
        results = client.take()
        for result in results:
            check(result)
        calls += len(results)
        if time.perf_counter() < end:
            client.post(len(results))
        else:
            in_flight -= len(results)
    return calls


def many(client: Pipeline, *, depth: int, seconds: float, warmup: float, pids: Iterable[int], **_: Any) -> Result:
    """`depth` calls in flight at any time."""
    pipelined(client, depth, warmup)
    cpu_before = cpu_seconds(pids)
    begin = time.perf_counter()
    calls = pipelined(client, depth, seconds)
    elapsed = time.perf_counter() - begin
    cpu = cpu_seconds(pids) - cpu_before
    return {"calls": calls, "calls_per_s": calls / elapsed, "cpu_s_per_10k": cpu / calls * 10000}
