"""The measuring loops for asyncio clients: loops.py with `await`."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from statistics import median
from typing import Any

from loops import Result, summary
from proc import cpu_seconds
from values import ARGUMENT, check

AsyncCall = Callable[[str], Awaitable[str]]


async def sequential(call: AsyncCall, seconds: float) -> list[int]:
    clock = time.perf_counter_ns
    samples: list[int] = []
    end = clock() + int(seconds * 1e9)
    before = clock()
    while before < end:
        check(await call(ARGUMENT))
        after = clock()
        samples.append(after - before)
        before = after
    return samples


async def burst(call: AsyncCall, calls: int) -> float:
    begin = time.perf_counter_ns()
    for _ in range(calls):
        check(await call(ARGUMENT))
    return (time.perf_counter_ns() - begin) / 1000


async def bursts(call: AsyncCall, *, calls: int, repeats: int, pause: float, warmup: float, **_: Any) -> Result:
    cold = await burst(call, calls)
    await sequential(call, warmup)
    totals = []
    for _repeat in range(repeats):
        await asyncio.sleep(pause)
        totals.append(await burst(call, calls))
    warm = median(totals)
    return {"cold_total_us": cold, "cold_call_us": cold / calls, "total_us": warm, "call_us": warm / calls}


async def spaced(call: AsyncCall, *, calls: int, gap: float, warmup: float, **_: Any) -> Result:
    await sequential(call, warmup)
    durations = []
    for _repeat in range(calls):
        await asyncio.sleep(gap)
        before = time.perf_counter_ns()
        check(await call(ARGUMENT))
        durations.append((time.perf_counter_ns() - before) / 1000)
    return {"total_us": sum(durations), "call_us": median(durations)}


async def one(call: AsyncCall, *, seconds: float, warmup: float, pids: Iterable[int], **_: Any) -> Result:
    await sequential(call, warmup)
    before = cpu_seconds(pids)
    samples = await sequential(call, seconds)
    cpu = cpu_seconds(pids) - before
    return {**summary(samples), "cpu_s_per_10k": cpu / len(samples) * 10000}


async def keep_calling(call: AsyncCall, depth: int, seconds: float) -> int:
    end = time.perf_counter() + seconds

    async def caller() -> int:
        calls = 0
        while time.perf_counter() < end:
            check(await call(ARGUMENT))
            calls += 1
        return calls

    return sum(await asyncio.gather(*(caller() for _ in range(depth))))


async def many(call: AsyncCall, *, depth: int, seconds: float, warmup: float, pids: Iterable[int], **_: Any) -> Result:
    await keep_calling(call, depth, warmup)
    cpu_before = cpu_seconds(pids)
    begin = time.perf_counter()
    calls = await keep_calling(call, depth, seconds)
    elapsed = time.perf_counter() - begin
    cpu = cpu_seconds(pids) - cpu_before
    return {"calls": calls, "calls_per_s": calls / elapsed, "cpu_s_per_10k": cpu / calls * 10000}


async def beside(
    call: AsyncCall,
    slow: Callable[[float], Awaitable[str]],
    *,
    fast: int,
    block: float,
    repeats: int,
    warmup: float,
    **_: Any,
) -> Result:
    """`fast` calls started together with one that blocks for `block` seconds, again and again."""
    await sequential(call, warmup)
    samples: list[int] = []

    async def timed() -> None:
        before = time.perf_counter_ns()
        check(await call(ARGUMENT))
        samples.append(time.perf_counter_ns() - before)

    for _repeat in range(repeats):
        blocked = asyncio.ensure_future(slow(block * 1000))
        await asyncio.sleep(0)  # a task starts at the next turn of the loop; let the slow call go first
        await asyncio.gather(*(timed() for _ in range(fast)))
        await blocked
    return summary(samples)
