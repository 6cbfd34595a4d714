"""Calls that are cancelled at random moments under load leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import resource
import time
from collections import deque
from concurrent.futures import CancelledError, Future
from typing import Any

import pytest
from either import Run

import ipcbridge as ipc
from ipcbridge import aio

CALLS = int(os.environ.get("IPCBRIDGE_TEST_CANCELS", "6000"))  # 100,000 take a minute
IN_FLIGHT = 64
MOST_GROWTH = 16 * 1024  # KiB of resident memory, from the first quarter on


async def _sleep(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


def _wait(seconds: float) -> bool:
    return ipc.context().cancellation.wait(seconds)


SERVICE = {"sleep": _sleep, "wait": _wait, "add": lambda a, b: a + b}


def _arguments(rng: random.Random) -> tuple[str, tuple[float, ...]]:
    return rng.choice([("sleep", (rng.random() / 100,)), ("wait", (rng.random() / 1000,)), ("add", (1, 2))])


class Growth:
    """How much more memory the process has taken after a quarter of the calls."""

    def __init__(self) -> None:
        self._at_first = 0

    def look(self, number: int) -> None:
        if number == CALLS // 4:
            self._at_first = self._peak()

    def check(self) -> None:
        assert self._peak() - self._at_first < MOST_GROWTH

    def _peak(self) -> int:
        gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _nothing_is_left(calc: Any, server: Any) -> None:
    deadline = time.monotonic() + 30
    while ipc.status(calc)["pending_calls"] or server.status()["running_calls"]:
        assert time.monotonic() < deadline
    status = ipc.status(calc)
    assert (status["queued_calls"], status["queued_bytes"]) == (0, 0)
    inner = server._server
    tables = [getattr(inner, name, {}) for name in ("_running", "_tasks", "_submitted", "_coming")]
    while any(tables):
        assert time.monotonic() < deadline
    assert inner.waiters._latches == {}


def test_futures(serve_either: Any, connect: Any) -> None:
    server = serve_either("calc", SERVICE)
    calc = connect("calc")
    submitted = ipc.submit(calc)
    rng, growth = random.Random(1), Growth()
    futures: deque[Future[Any]] = deque()
    ended = cancelled = 0
    for number in range(CALLS):
        growth.look(number)
        method, args = _arguments(rng)
        futures.append(getattr(submitted, method)(*args))
        if rng.random() < 0.8:
            futures[rng.randrange(len(futures))].cancel()
        if len(futures) < IN_FLIGHT:
            continue
        try:
            futures.popleft().result(30)
            ended += 1
        except CancelledError:
            cancelled += 1
    for future in futures:
        future.cancel()
    assert ended > CALLS / 100
    assert cancelled > CALLS / 100
    assert calc.add(1, 2) == 3
    _nothing_is_left(calc, server)
    growth.check()


@pytest.mark.parametrize("run", ["asyncio", "uvloop"], indirect=True)
def test_tasks(serve_either: Any, run: Run) -> None:
    server = serve_either("calc", SERVICE)
    rng, growth = random.Random(2), Growth()
    outcomes = {"ended": 0, "cancelled": 0}

    async def one(calc: Any) -> None:
        method, args = _arguments(rng)
        try:
            await asyncio.wait_for(getattr(calc, method)(*args), rng.random() / 100)
            outcomes["ended"] += 1
        except asyncio.TimeoutError:
            outcomes["cancelled"] += 1

    async def worker(calc: Any, numbers: Any) -> None:
        for number in numbers:
            growth.look(number)
            await one(calc)

    async def main() -> None:
        async with aio.connect("calc") as calc:
            numbers = iter(range(CALLS))
            await asyncio.gather(*(worker(calc, numbers) for _ in range(IN_FLIGHT)))
            assert await calc.add(1, 2) == 3
            await asyncio.get_running_loop().run_in_executor(None, _nothing_is_left_of, server)
            assert aio.status(calc)["pending_calls"] == 0

    run(main())
    assert min(outcomes.values()) > CALLS / 100
    growth.check()


def _nothing_is_left_of(server: Any) -> None:
    twin = ipc.connect("calc")
    try:
        _nothing_is_left(twin, server)
    finally:
        ipc.close(twin)


def test_timeouts(serve_either: Any, connect: Any) -> None:
    server = serve_either("calc", SERVICE)
    calc = connect("calc")
    rng, growth = random.Random(3), Growth()
    late = 0
    futures: deque[Any] = deque()
    for number in range(CALLS):
        growth.look(number)
        method, args = _arguments(rng)
        futures.append(getattr(ipc.submit(ipc.with_options(calc, timeout=rng.random() / 100)), method)(*args))
        if len(futures) == IN_FLIGHT:
            error = futures.popleft().exception(30)
            late += isinstance(error, ipc.DeadlineExceeded)
    with pytest.raises(ipc.DeadlineExceeded):
        ipc.with_options(calc, timeout=0).add(1, 2)
    for future in futures:
        future.exception(30)
    assert late > CALLS / 100
    _nothing_is_left(calc, server)
    growth.check()
