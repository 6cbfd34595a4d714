"""asyncio calls for which there is no room in the queue of their connection."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from typing import Any

import pytest
from children import Children
from either import Run

import ipcbridge as ipc
from ipcbridge import aio

DATA = b"x" * 9_000


async def fill(calc: Any) -> list[Any]:
    """Calls of a service that has stopped reading, of which the last find no room."""
    calls = [calc.echo(DATA) for _ in range(60)]
    await asyncio.sleep(0)
    return calls


def test_a_call_that_does_not_wait_for_a_service_fails_at_once_when_the_connection_is_lost(
    run: Run, children: Children
) -> None:
    service = children.serve("calc")

    async def main() -> None:
        async with await aio.connect("calc", max_queued_bytes=20_000, connect_timeout=60) as calc:
            service.stop()
            patient = await fill(calc)
            impatient = aio.with_options(calc, wait_for_ready=False).echo(DATA)
            service.kill()
            with pytest.raises(ipc.Unavailable):
                await asyncio.wait_for(impatient, 20)
            assert not patient[-1].done()
            for call in patient:
                call.cancel()

    run(main())


def test_nothing_is_kept_of_calls_that_ended_before_there_was_room(run: Run, children: Children) -> None:
    service = children.serve("calc")

    async def main() -> None:
        async with await aio.connect("calc", max_queued_bytes=20_000) as calc:
            service.stop()
            patient = await fill(calc)
            ended = [calc.echo(DATA) for _ in range(10)]
            for call in ended:
                call.cancel()
            late = [aio.with_options(calc, timeout=0.01).echo(DATA) for _ in range(10)]
            for call in (*ended, *late):
                with contextlib.suppress(asyncio.CancelledError, ipc.DeadlineExceeded):
                    await call
            assert all(call.cancelled() for call in ended)
            errors = [call.exception() for call in late]
            assert {(type(error), error.sent) for error in errors} == {(ipc.DeadlineExceeded, "no")}
            for _ in range(2):  # until the loop has run their callbacks, and has forgotten what woke this task
                await asyncio.sleep(0)
            left = [weakref.ref(call) for call in (*ended, *late)]
            del call, ended, late, errors
            gc.collect()
            assert [ref() for ref in left] == [None] * 20
            service.resume()
            assert await asyncio.gather(*patient) == [DATA] * 60

    run(main())
