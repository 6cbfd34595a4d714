"""Calls that are cancelled at random moments under load leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import random
from typing import Any

import pytest
from cancels import SERVICE, cancel_futures, cancel_tasks, time_out
from either import Run
from memory import Growth
from waiting import wait_until

import ipcbridge as ipc
from ipcbridge import aio

CALLS = int(os.environ.get("IPCBRIDGE_TEST_CANCELS", "6000"))  # 100,000 take a minute
WARM_UP = CALLS // 4
MOST_GROWTH = (128 if "IPCBRIDGE_SANITIZED" in os.environ else 16) << 20  # bytes, from then on


def _nothing_is_left(calc: Any, server: Any) -> None:
    wait_until(lambda: not ipc.status(calc)["pending_calls"] and not server.status()["running_calls"])
    status = ipc.status(calc)
    assert (status["queued_calls"], status["queued_bytes"]) == (0, 0)
    inner = server._server
    wait_until(lambda: len(inner._tasks) == 0)
    assert inner.waiters._latches == {}


def test_futures(serve_either: Any, connect: Any) -> None:
    server = serve_either("calc", SERVICE)
    calc = connect("calc")
    rng = random.Random(1)
    cancel_futures(calc, WARM_UP, rng)
    growth = Growth()
    outcomes = cancel_futures(calc, CALLS - WARM_UP, rng)
    assert min(outcomes["ended"], outcomes["cancelled"]) > CALLS / 100
    assert calc.add(1, 2) == 3
    _nothing_is_left(calc, server)
    growth.check(MOST_GROWTH)


@pytest.mark.parametrize("run", ["asyncio", "uvloop"], indirect=True)
def test_tasks(serve_either: Any, run: Run) -> None:
    server = serve_either("calc", SERVICE)
    rng = random.Random(2)

    async def main() -> None:
        async with aio.connect("calc") as calc:
            await cancel_tasks(calc, WARM_UP, rng)
            growth = Growth()
            outcomes = await cancel_tasks(calc, CALLS - WARM_UP, rng)
            assert min(outcomes["ended"], outcomes["cancelled"]) > CALLS / 100
            assert await calc.add(1, 2) == 3
            await asyncio.get_running_loop().run_in_executor(None, _nothing_is_left_of, server)
            assert aio.status(calc)["pending_calls"] == 0
            growth.check(MOST_GROWTH)

    run(main())


def _nothing_is_left_of(server: Any) -> None:
    twin = ipc.connect("calc")
    try:
        _nothing_is_left(twin, server)
    finally:
        ipc.close(twin)


def test_timeouts(serve_either: Any, connect: Any) -> None:
    server = serve_either("calc", SERVICE)
    calc = connect("calc")
    rng = random.Random(3)
    time_out(calc, WARM_UP, rng)
    growth = Growth()
    outcomes = time_out(calc, CALLS - WARM_UP, rng)
    assert outcomes["deadline_exceeded"] > CALLS / 100
    with pytest.raises(ipc.DeadlineExceeded):
        ipc.with_options(calc, timeout=0).add(1, 2)
    _nothing_is_left(calc, server)
    growth.check(MOST_GROWTH)
