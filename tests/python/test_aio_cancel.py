"""What cancels an asyncio call, and how its handler learns of it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Callable

import pytest
from either import Run
from references import shared
from waiting import wait_until

import ipcbridge as ipc
from ipcbridge import aio


class Waiting:
    """Whose handler waits until it is cancelled."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def wait(self) -> None:
        self.began.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def test_a_call_is_sent_before_it_is_awaited(run: Run) -> None:
    async def main() -> None:
        target = Waiting()
        async with await aio.serve("calc", target), await aio.connect("calc") as calc:
            call = calc.wait()
            await target.began.wait()
            call.cancel()
            await target.cancelled.wait()

    run(main())


@pytest.mark.parametrize("how", ["task", "wait_for", "timeout", "timeout option", "close"])
def test_cancellation_reaches_the_handler(run: Run, how: str) -> None:
    async def main() -> None:
        target = Waiting()
        async with await aio.serve("calc", target), await aio.connect("calc") as calc:
            if how == "task":
                task = asyncio.create_task(calc.wait())
                await target.began.wait()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            elif how == "wait_for":
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(calc.wait(), 0.02)
            elif how == "timeout":
                if not hasattr(asyncio, "timeout"):
                    pytest.skip("Python 3.11")
                with pytest.raises(asyncio.TimeoutError) as caught:
                    async with asyncio.timeout(0.02):
                        await calc.wait()
                assert not isinstance(caught.value, ipc.IpcError)
            elif how == "timeout option":
                with pytest.raises(ipc.DeadlineExceeded):
                    await aio.with_options(calc, timeout=0.02).wait()
            else:
                call = calc.wait()
                await target.began.wait()
                await aio.close(calc)
                with pytest.raises(ipc.IpcError) as closed:
                    await call
                assert closed.value.code == "cancelled"
            await target.cancelled.wait()

    run(main())


@pytest.mark.parametrize("serial", [False, True], ids=["overlapping", "serial"])
def test_calls_are_cancelled_when_the_loop_that_runs_their_handlers_ends(run: Run, serial: bool) -> None:
    outcomes: list[ipc.IpcError] = []

    def call(wait: Callable[[], object]) -> None:
        try:
            wait()
        except ipc.IpcError as error:
            outcomes.append(error)

    async def main() -> list[threading.Thread]:
        target = Waiting()
        server = await aio.serve("calc", target, serial=serial)
        calc = await asyncio.to_thread(ipc.connect, "calc")
        callers = [threading.Thread(target=call, args=(calc.wait,)) for _ in range(2)]
        for caller in callers:
            caller.start()
        while aio.status(server)["running_calls"] < 2:  # noqa: ASYNC110 - a call that waits its turn tells nobody
            await asyncio.sleep(0)
        await target.began.wait()
        return callers

    for caller in run(main()):
        caller.join()
    # A serial call that has not had its turn goes with its connection.
    assert sorted(error.code for error in outcomes) == ["cancelled", "unavailable" if serial else "cancelled"]


@ipc.register_error
class Meddling(Exception):
    """When it arrives, this is done while answers are handled."""

    then = staticmethod(lambda: None)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        Meddling.then()


def test_an_answer_that_has_arrived_is_not_taken_for_that_of_a_later_call(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    calls: dict[str, Any] = {}

    def fail() -> None:
        error = Meddling()
        error.note = 1
        raise error

    async def main() -> None:
        async with await aio.connect("calc") as calc:

            def replace() -> None:
                calls.pop("second").cancel()
                calls["third"] = calc.three()

            first, calls["second"], last = calc.fail(), calc.lend(), calc.end()
            assert answered.wait(60)  # the loop does not run, so that they are read together
            monkeypatch.setattr(Meddling, "then", replace)
            with pytest.raises(Meddling):
                await first
            assert await calls["third"] == 3
            await last
            await asyncio.get_running_loop().run_in_executor(
                None, wait_until, lambda: shared() == 0
            )  # what the second brought is given back

    target = {"fail": fail, "lend": lambda: ipc.proxy(Waiting()), "end": answered.set, "three": lambda: 3}
    with ipc.serve("calc", target, threads=1):
        run(main())
