"""Calls on an event loop that find no room, or are too large."""

from __future__ import annotations

import asyncio

import pytest
from children import Children
from either import Run
from loop_calc import Calc

import ipcbridge as ipc
from ipcbridge import aio


def test_more_than_the_queue_holds_waits_for_room(run: Run, children: Children) -> None:
    children.serve("calc", limits={"max_pending_calls": 1})

    async def main() -> None:
        async with await aio.connect("calc", max_queued_bytes=20_000) as calc:
            data = b"x" * 9_000
            results = await asyncio.gather(*(calc.echo(data) for _ in range(40)))
            assert results == [data] * 40

    run(main())


def test_a_call_that_waits_for_room_is_sent_when_notifications_have_gone(run: Run) -> None:
    async def main() -> None:
        gate = asyncio.Event()

        async def hold(_data: bytes) -> None:
            await gate.wait()

        server = await aio.serve("calc", {"hold": hold, "add": Calc().add}, limits={"max_pending_calls": 1})
        async with server, await aio.connect("calc", max_queued_bytes=2_000) as calc:
            for _ in range(2):
                aio.notify(calc).hold(b"x" * 1_800)
            call = calc.add(1, 2)
            assert aio.status(calc)["queued_calls"] == 1, "there is no room for it"
            gate.set()
            assert await asyncio.wait_for(call, 10) == 3

    run(main())


def test_a_notification_for_which_there_is_no_room_is_dropped_and_counted(run: Run) -> None:
    async def main() -> None:
        gate = asyncio.Event()
        server = await aio.serve("calc", {"wait": gate.wait}, limits={"max_pending_calls": 1})
        async with server, await aio.connect("calc", max_queued_bytes=2_000) as calc:
            taken = [await aio.notify(calc).wait() for _ in range(100)]
            dropped = taken.count(False)
            assert 0 < dropped < 100
            assert aio.status(calc)["dropped_notifications"] == dropped
            gate.set()
            assert await asyncio.wait_for(calc.wait(), 10) is True

    run(main())


def test_arguments_that_are_too_large_fail_their_call(run: Run) -> None:
    async def main() -> None:
        async with await aio.serve("calc", Calc()), await aio.connect("calc") as calc:
            with pytest.raises(ipc.IpcError) as caught:
                await calc.add([None] * 8_388_608)
            assert caught.value.code == "resource_exhausted"
            assert await calc.add(1) == 1

    run(main())
