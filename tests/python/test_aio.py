from __future__ import annotations

import asyncio
import collections.abc
import contextvars
import gc
import threading
from typing import Any

import pytest
from children import Children
from either import Run

import ipcbridge as ipc
from ipcbridge import aio

user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")

MAX_WEIGHT = 8_388_608  # values in a message


class Calc:
    def __init__(self) -> None:
        self.noted = asyncio.Event()

    async def add(self, a: int, b: int = 0) -> int:
        """Adds two numbers."""
        return a + b

    def sync(self) -> list[Any]:
        return [threading.current_thread() is threading.main_thread(), ipc.context().method, user.get()]

    async def task(self) -> list[Any]:
        return [threading.current_thread() is threading.main_thread(), aio.context().method]

    async def note(self) -> None:
        self.noted.set()

    async def fail(self) -> None:
        raise ValueError("bad")


def test_calls_reach_a_server_on_the_same_loop(run: Run, address: str) -> None:
    async def main() -> None:
        async with await aio.serve(address, Calc()), await aio.connect(address) as calc:
            assert await calc.add(2, b=3) == 5
            assert await asyncio.gather(*(calc.add(i) for i in range(500))) == list(range(500))

    run(main())


def test_opening_is_awaited_or_entered_and_is_a_coroutine(run: Run, address: str) -> None:
    async def main() -> None:
        async with aio.serve(address, Calc()):
            async with aio.connect(address) as calc:
                assert await calc.add(2, b=3) == 5
            with pytest.raises(ipc.IpcError, match="closed"):
                await calc.add(2)
            async with await asyncio.create_task(aio.connect(address)) as calc:
                assert await calc.add(2) == 2
            with pytest.raises(ipc.Unavailable):
                async with aio.connect("nobody-here", connect_timeout=0):
                    pass

    run(main())
    with pytest.warns(RuntimeWarning, match="never awaited"):
        aio.connect(address)


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


def test_calls_in_flight_are_unavailable_when_the_server_is_killed(run: Run, children: Children) -> None:
    server = children.serve("calc")

    async def main() -> None:
        async with await aio.connect("calc") as calc:
            calls = [calc.sleep(60) for _ in range(5)]
            await calc.pid()
            server.kill()
            for outcome in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(outcome, ipc.Unavailable)
                assert outcome.sent == "maybe"
            await asyncio.to_thread(server.wait)
            await asyncio.to_thread(children.serve, "calc")
            assert await calc.add(1) == 1

    run(main())


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


def test_connect_and_serve_tell_why_they_fail(run: Run, children: Children) -> None:
    children.serve("taken")

    async def main() -> None:
        with pytest.raises(ipc.Unavailable):
            await aio.connect("nobody", connect_timeout=0.05)
        with pytest.raises(ipc.IpcError) as caught:
            await aio.serve("taken", {"f": len}, takeover="fail")
        assert caught.value.code == "already_exists"
        task = asyncio.create_task(aio.connect("nobody", connect_timeout=None))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_the_status_of_a_closed_client_has_the_shape_that_it_had(run: Run) -> None:
    async def main() -> None:
        async with await aio.serve("calc", Calc()):
            calc = await aio.connect("calc")
            before = aio.status(calc)
            await aio.close(calc)
            async with await aio.connect("calc") as other:
                assert await other.add(1) == 1  # by then the native side has forgotten the first
            closed = aio.status(calc)
            assert closed.keys() == before.keys()
            assert (closed["state"], closed["address"], closed["peer_pid"]) == ("closed", "calc", None)
            assert [link["address"] for link in closed["links"]] == ["calc"]

    run(main())


def test_a_server_says_where_it_was_when_its_loop_has_been_closed(names_directory: Any) -> None:
    async def main() -> tuple[aio.Server, dict[str, Any], aio.Server]:
        closed = await aio.serve("calc", Calc())
        before = closed.status()
        await closed.close()
        return closed, before, await aio.serve("open", Calc())

    closed, before, left_open = asyncio.run(main())
    now = closed.status()
    assert now.keys() == before.keys()
    assert now == {**before, "state": "closed"}
    assert left_open.status() == {**now, "address": "open", "path": f"{names_directory}/open.sock"}


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


@pytest.mark.filterwarnings("error")
def test_a_loop_that_ends_without_close_frees_what_it_had(run: Run) -> None:
    async def main() -> None:
        await aio.serve("calc", Calc())
        calc = await aio.connect("calc")
        assert await calc.add(1) == 1

    for _ in range(3):
        run(main())
        gc.collect()
    with pytest.raises(ipc.Unavailable):
        ipc.connect("calc", connect_timeout=0)


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


def test_close_takes_a_server_too(run: Run) -> None:
    async def main() -> None:
        server = await aio.serve("calc", {"f": len})
        await aio.close(server, grace=1)
        await server.wait()

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


@pytest.mark.parametrize(
    "use",
    [
        lambda call: [*call],
        lambda call: call + 1,
        lambda call: 1 + call,
        lambda call: call[0],
        lambda call: 1 in call,
        lambda call: call < 1,
        len,
        float,
        lambda call: call.balance,
    ],
    ids=["iterate", "add", "radd", "item", "contains", "less", "len", "float", "attribute"],
)
def test_a_call_or_a_client_that_was_not_awaited_says_so_where_it_is_used(
    run: Run, use: collections.abc.Callable[[Any], Any]
) -> None:
    async def main() -> None:
        async with await aio.serve("calc", {"add": lambda a: a}), aio.connect("calc") as calc:
            call, opening = calc.add(1), aio.connect("calc")
            for unawaited, hint in ((call, "write `await calc.method"), (opening, "calc = await aio.connect")):
                with pytest.raises((TypeError, AttributeError), match=hint):
                    use(unawaited)
                assert unawaited  # as any future is
                assert not hasattr(unawaited, "__other__")
            assert await call == 1
            ipc.close(await opening)

    run(main())
