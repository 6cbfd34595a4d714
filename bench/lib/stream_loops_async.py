"""The measuring loops of streams and callbacks for asyncio clients: stream_loops.py with `await`."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

from loops import Result, summary
from loops_async import AsyncCall
from proc import cpu_seconds
from values import ARGUMENT, check

Stream = Callable[[int], AsyncIterator[int]]


async def read(stream: Stream, count: int, seconds: float) -> int:
    end = time.perf_counter() + seconds
    items = 0
    while time.perf_counter() < end:
        expected = 0
        async for item in stream(count):
            if item != expected:
                raise AssertionError(f"wrong item: {item!r}")
            expected += 1
        if expected != count:
            raise AssertionError(f"{expected} items in place of {count}")
        items += expected
    return items


async def items(stream: Stream, *, count: int, seconds: float, warmup: float, pids: Iterable[int], **_: Any) -> Result:
    await read(stream, count, warmup)
    cpu_before = cpu_seconds(pids)
    begin = time.perf_counter()
    total = await read(stream, count, seconds)
    elapsed = time.perf_counter() - begin
    return {"items_per_s": total / elapsed, "cpu_s_per_million": (cpu_seconds(pids) - cpu_before) / total * 1e6}


async def beside_calls(call: AsyncCall, act: Callable[[], AsyncIterator[Any]], seconds: float) -> Result:
    acts, calls = [], []
    clock = time.perf_counter_ns
    end = clock() + int(seconds * 1e9)
    while clock() < end:
        begin = clock()
        rest = act().__aiter__()
        await rest.__anext__()
        middle = clock()
        async for _ in rest:
            pass
        second = clock()
        check(await call(ARGUMENT))
        calls.append(clock() - second)
        acts.append(middle - begin)
    return {"p50_us": summary(acts)["p50_us"], "call_p50_us": summary(calls)["p50_us"]}


async def first(call: AsyncCall, stream: Stream, *, seconds: float, warmup: float, **_: Any) -> Result:
    await beside_calls(call, lambda: stream(2), warmup)
    return await beside_calls(call, lambda: stream(2), seconds)


async def callbacks(
    call: AsyncCall, call_back: Callable[..., Awaitable[str]], *, count: int, seconds: float, warmup: float, **_: Any
) -> Result:
    async def act() -> AsyncIterator[str]:
        yield await call_back(count, lambda text: text)

    await beside_calls(call, act, warmup)
    result = await beside_calls(call, act, seconds)
    return {**result, "p50_us": (result["p50_us"] - result["call_p50_us"]) / count}
