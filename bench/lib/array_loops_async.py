"""The measuring loops of arrays for asyncio clients: array_loops.py with `await`."""

import time
from collections.abc import Callable
from typing import Any

from array_loops import MANY_FRAMES, check_ends, check_frame, ignore, local, made
from loops import Result
from payload_loops_async import warmed_up


async def array(client: Any, *, size: int, pool: bool, seconds: float, warmup: float, most: float, **_: Any) -> Result:
    value = made(client.arrays, size, pool)
    return await warmed_up(lambda: client.ends(value), check_ends, seconds, warmup, most)


async def streamed(client: Any, size: int, seconds: float, each: Callable[[Any], None]) -> float:
    begin = time.perf_counter()
    count = 0
    async with await client.frames(MANY_FRAMES, size) as frames:
        async for frame in frames:
            check_frame(frame, count, client.arrays.BLOCKS)
            each(frame)
            count += 1
            if time.perf_counter() - begin > seconds:
                break
        return count / (time.perf_counter() - begin)


async def frames(client: Any, *, size: int, seconds: float, warmup: float, **_: Any) -> Result:
    await streamed(client, size, warmup, client.arrays.touch)
    return {
        "frames_per_s": await streamed(client, size, seconds, ignore),
        "touched_per_s": await streamed(client, size, seconds, client.arrays.touch),
        "local_per_s": local(client.arrays, size, seconds),
    }
