"""The measuring loops of large values for asyncio clients: payload_loops.py with `await`."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from loops import Result, summary
from payload_loops import Check, number_check, records_check, without_tails
from payload_values import payload, records

AsyncCall = Callable[[], Awaitable[Any]]


async def repeated(call: AsyncCall, check: Check, *, seconds: float, least: int, most: float) -> Result:
    clock = time.perf_counter_ns
    samples: list[int] = []
    begin = before = clock()
    while len(samples) < least or before - begin < seconds * 1e9:
        if samples and before - begin > most * 1e9:
            break
        result = await call()
        samples.append(clock() - before)
        check(result)
        before = clock()
    return summary(samples)


async def warmed_up(call: AsyncCall, check: Check, seconds: float, warmup: float, most: float) -> Result:
    await repeated(call, check, seconds=warmup, least=2, most=most / 4)
    return without_tails(await repeated(call, check, seconds=seconds, least=3, most=most))


async def bytes_there(client: Any, *, size: int, seconds: float, warmup: float, most: float, **_: Any) -> Result:
    data = payload(size)
    return await warmed_up(lambda: client.count_bytes(data), number_check(size), seconds, warmup, most)


async def list_of_records(client: Any, *, count: int, seconds: float, warmup: float, most: float, **_: Any) -> Result:
    value = records(count)
    return await warmed_up(lambda: client.echo(value), records_check(value), seconds, warmup, most)
