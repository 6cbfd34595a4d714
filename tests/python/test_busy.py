"""A caller sees in which handler the service is stuck, without an answer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import ipcbridge as ipc


def _busy_method(calc: Any, until: Callable[[str | None], bool]) -> str | None:
    """The method that the status of `calc` tells of, as soon as it is such a one."""
    deadline = time.monotonic() + 20
    while True:
        busy = ipc.status(calc)["busy"]
        method: str | None = busy and busy["method"]
        if until(method) or time.monotonic() > deadline:
            return method


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_callers_see_which_handler_runs_for_long(kind: str, serve: Any, connect: Any) -> None:
    release = threading.Event()

    def plain() -> bool:
        return release.wait(30)

    async def blocking() -> bool:  # what no `async def` should do
        return release.wait(30)

    service = {"quick": lambda: 1, "stuck": plain if kind == "plain" else blocking}
    serve("calc", service)
    serve("other", service)
    calc, other = connect("calc"), connect("other")
    with ThreadPoolExecutor(1) as threads:
        stuck = threads.submit(calc.stuck)
        assert _busy_method(calc, lambda method: method is not None) == "stuck"
        assert ipc.status(other)["busy"] is None
        release.set()
        assert stuck.result()
    assert _busy_method(calc, lambda method: method is None) is None


def test_a_handler_that_waits_on_its_loop_keeps_it_from_nothing(serve: Any, connect: Any) -> None:
    entered, release = threading.Event(), threading.Event()

    async def waits() -> None:
        entered.set()
        await asyncio.sleep(3600)

    async def blocks() -> bool:
        return release.wait(30)

    serve("calc", {"waits": waits, "blocks": blocks})
    calc = connect("calc")
    ipc.notify(calc).waits()
    assert entered.wait(20)
    with ThreadPoolExecutor(1) as threads:
        stuck = threads.submit(calc.blocks)
        assert _busy_method(calc, lambda method: method is not None) == "blocks"
        release.set()
        assert stuck.result()
