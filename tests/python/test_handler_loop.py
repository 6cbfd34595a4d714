"""The event loop on which the `async def` handlers of blocking servers run."""

from __future__ import annotations

import asyncio
from typing import Any

import ipcbridge as ipc


def test_handlers_sleep_no_longer_than_asked_when_many_timers_were_cancelled(serve: Any, connect: Any) -> None:
    # asyncio makes a new list of its timers where more than 100 are there and more than half are cancelled.
    opened: list[asyncio.Event] = []

    def gate() -> asyncio.Event:
        if not opened:
            opened.append(asyncio.Event())
        return opened[0]

    async def guarded() -> None:
        await asyncio.wait_for(gate().wait(), 60)

    async def open_gate() -> None:
        gate().set()

    async def sleep() -> str:
        await asyncio.sleep(0.001)
        return "slept"

    serve("timers", {"guarded": guarded, "open_gate": open_gate, "sleep": sleep})
    remote = ipc.with_options(connect("timers"), timeout=10)
    calls = [ipc.submit(remote).guarded() for _ in range(200)]
    remote.open_gate()
    for call in calls:
        call.result()
    assert [remote.sleep() for _ in range(5)] == ["slept"] * 5
