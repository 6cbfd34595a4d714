"""Exceptions that end the program, or that a signal handler raises anywhere, leave a loop that goes on reading."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from children import Children
from either import Run

import ipcbridge as ipc
from ipcbridge import aio
from ipcbridge.aio._loop import LoopDriver


class Interrupt(Exception):
    """As of a signal handler."""


@pytest.mark.parametrize("step", ["queue_poll", "_poll", "_handle"])
def test_calls_are_answered_after_an_exception_at_any_step(
    run: Run, children: Children, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    children.serve("calc")
    raised = 0
    usual = getattr(LoopDriver, step)

    def interrupted(self: LoopDriver) -> Any:
        nonlocal raised
        if raised < 3:
            raised += 1
            raise Interrupt
        return usual(self)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _complaint: None)
        async with aio.connect("calc") as calc:
            monkeypatch.setattr(LoopDriver, step, interrupted)
            for number in range(6):
                call = calc.add(number)
                try:
                    assert await asyncio.wait_for(call, 20) == number
                except Interrupt:  # before it was sent
                    assert step == "queue_poll"
            assert raised == 3

    run(main())


def test_a_stream_begins_though_a_signal_handler_raises_as_it_is_sent(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = LoopDriver.queue_poll
    is_due = False
    raised = 0

    def interrupted(self: LoopDriver) -> Any:
        nonlocal is_due, raised
        if is_due:
            is_due = False
            raised += 1
            raise Interrupt
        return usual(self)

    async def rows() -> Any:
        nonlocal is_due
        await asyncio.sleep(0)
        is_due = True
        return ipc.stream([1, 2, 3])

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _complaint: None)
        async with aio.serve("rows", {"rows": rows}), aio.connect("rows") as client:
            monkeypatch.setattr(LoopDriver, "queue_poll", interrupted)
            for _ in range(3):
                items = await asyncio.wait_for(client.rows(), 20)
                assert [item async for item in items] == [1, 2, 3]
            assert raised > 0

    run(main())


def test_a_listener_ends_the_program(children: Children) -> None:
    ends = children.run("""
        async def main():
            async with aio.serve("calc", {"size": len}), aio.connect("calc") as calc:
                aio.on_state(calc, lambda state, why: sys.exit(3))
                await aio.close(calc)
                await asyncio.Event().wait()

        asyncio.run(main())
    """)
    assert ends.rest() == ("", "")
    assert ends.returncode == 3
