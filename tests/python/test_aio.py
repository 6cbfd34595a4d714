"""Calls between event loops, and between them and the blocking API."""

from __future__ import annotations

import asyncio
import collections.abc
import contextvars
from typing import Any

import pytest
from children import Children
from either import Run
from loop_calc import Calc

import ipcbridge as ipc
from ipcbridge import aio


def test_calls_reach_a_server_on_the_same_loop(run: Run, address: str) -> None:
    async def main() -> None:
        async with await aio.serve(address, Calc()), await aio.connect(address) as calc:
            assert await calc.add(2, b=3) == 5
            assert await asyncio.gather(*(calc.add(i) for i in range(500))) == list(range(500))

    run(main())


def test_one_poll_at_most_waits_in_the_queue_of_the_loop(address: str) -> None:
    polls = []

    async def count_polls() -> None:
        queue: Any = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
        for _ in range(5):
            await asyncio.sleep(0)
            polls.append(sum("run_poll" in repr(handle) for handle in queue))

    async def main() -> None:
        async with await aio.serve(address, {"count_polls": count_polls}), await aio.connect(address) as calc:
            for _ in range(20):
                await asyncio.gather(*(calc.count_polls() for _ in range(20)))

    asyncio.run(main())
    assert max(polls) == 1


def test_asyncio_calls_a_blocking_server(run: Run, address: str, children: Children) -> None:
    children.serve(address)

    async def main() -> None:
        async with await aio.connect(address) as calc:
            assert await calc.add(2, b=3) == 5
            data = b"x" * 1_000_000
            assert await calc.echo(data) == data
            assert aio.status(calc)["state"] == "ready"

    run(main())


def test_a_blocking_client_calls_an_asyncio_server(run: Run, address: str, children: Children) -> None:
    async def main() -> None:
        async with await aio.serve(address, Calc()) as server:
            calc = await asyncio.to_thread(ipc.connect, address)
            assert await asyncio.to_thread(calc.add, 2, 3) == 5
            assert [await asyncio.to_thread(calc.add, i) for i in range(20)] == list(range(20))
            ipc.close(calc)
            assert aio.status(server)["state"] == "listening"

    run(main())


def test_a_call_is_a_coroutine_to_every_way_of_awaiting(run: Run) -> None:
    async def main() -> None:
        async with await aio.serve("calc", Calc()), await aio.connect("calc") as calc:
            assert isinstance(calc.add(1), collections.abc.Coroutine)
            assert await calc.add(1) == 1
            assert await asyncio.create_task(calc.add(2)) == 2
            assert await asyncio.wait_for(calc.add(3), 30) == 3
            assert await asyncio.gather(calc.add(4), calc.add(5)) == [4, 5]
            assert await asyncio.shield(calc.add(6)) == 6
            if hasattr(asyncio, "TaskGroup"):
                async with asyncio.TaskGroup() as group:
                    task = group.create_task(calc.add(8))
                assert task.result() == 8

    run(main())


def test_sync_handlers_run_on_a_pool_with_copied_context_variables(run: Run) -> None:
    async def main() -> None:
        async with await aio.serve("calc", Calc()), await aio.connect("calc") as calc:
            assert await calc.sync() == [False, "sync", "nobody"]
            assert await calc.task() == [True, "task"]

    run(main())


def test_errors_arrive(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with await aio.serve("calc", Calc()), await aio.connect("calc") as calc:
            with pytest.raises(ipc.RemoteError, match="bad") as caught:
                await calc.fail()
            assert caught.value.type == "ValueError"
            with pytest.raises(ipc.RemoteError, match=r"add\(a: 'int', b: 'int' = 0\)") as misfit:
                await calc.add()
            assert misfit.value.code == "invalid_argument"
            with pytest.raises(ipc.IpcError, match=r"args\[0\]"):
                await calc.add(object())
            with pytest.raises(ipc.IpcError) as unknown:
                await aio.call(calc, "nope")
            assert unknown.value.code == "unimplemented"
            with pytest.raises(AttributeError):
                _ = calc.nope

    run(main())


def test_iterating_what_is_no_stream_is_refused(run: Run) -> None:
    async def main() -> None:
        async with await aio.serve("calc", Calc()), await aio.connect("calc") as calc:
            with pytest.raises(ipc.IpcError) as caught:
                async for _ in calc.add(1):
                    pass
            assert caught.value.code == "failed_precondition"

    run(main())


def test_notify_describe_and_with_options(run: Run) -> None:
    async def main() -> None:
        target = Calc()
        async with await aio.serve("calc", target), await aio.connect("calc") as calc:
            await aio.notify(calc).note()
            await target.noted.wait()
            assert (await aio.describe(calc))["methods"]["add"]["async"] is True
            assert calc.add.__doc__ == "Adds two numbers."
            assert await aio.call(calc, "add", [1], {"b": 2}) == 3
            with pytest.raises(ipc.IpcError, match="takes the arguments as a list"):
                await aio.call(calc, "add", {"a": 1, "b": 2})
            with pytest.raises(ipc.DeadlineExceeded):
                await aio.with_options(calc, timeout=0).add(1)

    run(main())


def test_a_blocking_call_to_the_same_loop_is_refused_instead_of_hanging(run: Run) -> None:
    calc = None

    async def main() -> None:
        nonlocal calc
        async with await aio.serve("calc", Calc()):
            with pytest.raises(ipc.IpcError) as caught:
                ipc.connect("calc")
            assert caught.value.code == "failed_precondition"
            calc = await asyncio.to_thread(ipc.connect, "calc")
            with pytest.raises(ipc.IpcError) as caught:
                calc.add(1)
            assert caught.value.code == "failed_precondition"
            assert await asyncio.to_thread(calc.add, 1) == 1
            ipc.close(calc)

    run(main())


def test_handlers_of_an_asyncio_server_call_each_other(run: Run) -> None:
    async def main() -> None:
        calc: Any = None

        async def factorial(n: int) -> int:
            return n * await calc.factorial(n - 1) if n > 1 else 1

        async with await aio.serve("calc", {"factorial": factorial}):
            calc = await aio.connect("calc")
            assert await calc.factorial(6) == 720
            await aio.close(calc)

    run(main())


def test_a_handler_does_not_see_the_context_of_unrelated_tasks(run: Run) -> None:
    tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="none")

    async def main() -> None:
        async def seen() -> str:
            return tenant.get()

        tenant.set("server")
        serving = await aio.serve("calc", {"seen": seen, "plain": tenant.get})
        async with serving, await aio.connect("calc") as calc:
            tenant.set("caller")
            assert {await calc.seen() for _ in range(10)} == {"server"}
            assert {await calc.plain() for _ in range(10)} == {"server"}

    run(main())


def test_members_are_those_of_the_service_that_is_there_now(run: Run) -> None:
    async def main() -> None:
        await aio.serve("calc", {"add": lambda: 1, "gone": len})
        async with await aio.connect("calc") as calc:
            add = calc.add
            assert calc.gone
            ready = asyncio.Event()
            aio.on_state(calc, lambda state, reason: ready.set() if state == "ready" else None)
            async with await aio.serve("calc", {"add": lambda: 2}):
                await ready.wait()
                assert calc.add is add
                assert await add() == 2
                assert not hasattr(calc, "gone")

    run(main())
