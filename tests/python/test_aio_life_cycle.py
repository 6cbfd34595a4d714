"""Clients and servers of an event loop begin, and end with it, with the other side or by close()."""

from __future__ import annotations

import asyncio
import collections.abc
import gc
from typing import Any

import pytest
from children import Children
from either import Run
from loop_calc import Calc

import ipcbridge as ipc
from ipcbridge import aio


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


def test_close_takes_a_server_too(run: Run) -> None:
    async def main() -> None:
        server = await aio.serve("calc", {"f": len})
        await aio.close(server, grace=1)
        await server.wait()

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
