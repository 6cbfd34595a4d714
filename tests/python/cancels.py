"""Calls that are cancelled at random moments, many of them in flight."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from concurrent.futures import CancelledError, Future
from typing import Any

import ipcbridge as ipc

IN_FLIGHT = 64


async def _sleep(milliseconds: float) -> float:
    await asyncio.sleep(milliseconds / 1000)
    return milliseconds


def _wait(milliseconds: float) -> bool:
    """For so long, or until the call is cancelled."""
    return ipc.context().cancellation.wait(milliseconds / 1000)


SERVICE = {"sleep": _sleep, "wait": _wait, "add": lambda a, b: a + b}


def call_of(rng: random.Random) -> tuple[str, tuple[float, ...]]:
    """A method of SERVICE and arguments for it."""
    return rng.choice([("sleep", (10 * rng.random(),)), ("wait", (rng.random(),)), ("add", (1, 2))])


def cancel_futures(remote: Any, count: int, rng: random.Random) -> Counter[str]:
    """How many calls of submit() have ended and how many were cancelled."""
    submitted = ipc.submit(remote)
    outcomes: Counter[str] = Counter()
    futures: deque[Future[Any]] = deque()

    def settle() -> None:
        try:
            futures.popleft().result(30)
            outcomes["ended"] += 1
        except CancelledError:
            outcomes["cancelled"] += 1

    for _ in range(count):
        method, args = call_of(rng)
        futures.append(getattr(submitted, method)(*args))
        if rng.random() < 0.8:
            futures[rng.randrange(len(futures))].cancel()
        if len(futures) == IN_FLIGHT:
            settle()
    while futures:
        settle()
    return outcomes


async def cancel_tasks(remote: Any, count: int, rng: random.Random) -> Counter[str]:
    """The same of asyncio's calls."""
    outcomes: Counter[str] = Counter()
    numbers = iter(range(count))

    async def worker() -> None:
        for _ in numbers:
            method, args = call_of(rng)
            try:
                await asyncio.wait_for(getattr(remote, method)(*args), rng.random() / 100)
                outcomes["ended"] += 1
            except asyncio.TimeoutError:
                outcomes["cancelled"] += 1

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return outcomes


def time_out(remote: Any, count: int, rng: random.Random) -> Counter[str]:
    """The same of submit() with timeouts: the codes of the errors, "ended" for none."""
    outcomes: Counter[str] = Counter()
    futures: deque[Future[Any]] = deque()

    def settle() -> None:
        error = futures.popleft().exception(30)
        outcomes[getattr(error, "code", "ended")] += 1

    for _ in range(count):
        method, args = call_of(rng)
        futures.append(getattr(ipc.submit(ipc.with_options(remote, timeout=rng.random() / 100)), method)(*args))
        if len(futures) == IN_FLIGHT:
            settle()
    while futures:
        settle()
    return outcomes
