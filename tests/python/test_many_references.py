"""Functions and objects by reference that are made and released many times leave nothing behind."""

from __future__ import annotations

import os
from typing import Any

import pytest
from cycles import Service, cycle, cycle_at_once
from either import Run
from memory import Growth, Leaks
from references import shared
from waiting import wait_until

from ipcbridge import aio

CYCLES = int(os.environ.get("IPCBRIDGE_TEST_CYCLES", "2000"))  # a million take some minutes
WARM_UP = CYCLES // 10
# Of a million cycles, a leak of a hundred bytes in each would be 90 MB.
MOST_GROWTH = (512 if "IPCBRIDGE_SANITIZED" in os.environ else 48) << 20


def test_of_the_blocking_api(serve_either: Any, connect: Any) -> None:
    serve_either("calc", Service())
    calc = connect("calc")
    cycle(calc, WARM_UP)
    wait_until(lambda: shared() == 0)
    growth, leaks = Growth(), Leaks()
    cycle(calc, CYCLES - WARM_UP)
    wait_until(lambda: shared() == 0)
    leaks.check(CYCLES - WARM_UP)
    growth.check(MOST_GROWTH)


@pytest.mark.parametrize("run", ["asyncio", "uvloop"], indirect=True)
def test_of_asyncio(serve: Any, run: Run) -> None:
    serve("calc", Service())

    async def main() -> None:
        async with aio.connect("calc") as calc:
            await cycle_at_once(calc, WARM_UP)
            while shared() != 0:
                await calc.keep(None)
            growth, leaks = Growth(), Leaks()
            await cycle_at_once(calc, CYCLES - WARM_UP)
            while shared() != 0:
                await calc.keep(None)
            leaks.check(CYCLES - WARM_UP)
            growth.check(MOST_GROWTH)

    run(main())
