"""The measuring loop for threads that share one blocking client."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from loops import Call, Result
from proc import cpu_seconds
from values import ARGUMENT, check


def calls_of_each(call: Call, pool: ThreadPoolExecutor, threads: int, seconds: float) -> list[int]:
    """Every thread calls one after the other until the time is over; the calls that each has made."""
    start = Barrier(threads)

    def work(_number: int) -> int:
        start.wait()
        end = time.perf_counter() + seconds
        calls = 0
        while time.perf_counter() < end:
            check(call(ARGUMENT))
            calls += 1
        return calls

    return list(pool.map(work, range(threads)))


def shared(call: Call, *, threads: int, seconds: float, warmup: float, pids: Iterable[int], **_: Any) -> Result:
    """`threads` threads, one call of each in flight at any time, on one connection."""
    with ThreadPoolExecutor(threads) as pool:
        calls_of_each(call, pool, threads, warmup)
        cpu_before = cpu_seconds(pids)
        begin = time.perf_counter()
        counts = calls_of_each(call, pool, threads, seconds)
        elapsed = time.perf_counter() - begin
        cpu = cpu_seconds(pids) - cpu_before
    calls = sum(counts)
    return {
        "calls": calls,
        "calls_per_s": calls / elapsed,
        "fewest_calls": min(counts),
        "most_calls": max(counts),
        "cpu_s_per_10k": cpu / calls * 10000,
    }
