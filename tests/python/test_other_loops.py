"""A proxy or server of one event loop, used from another loop or thread, says so before anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvloop

import ipcbridge as ipc
from ipcbridge import aio

Make = Callable[[], asyncio.AbstractEventLoop]


def debugging() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    return loop


@pytest.fixture(params=[asyncio.new_event_loop, debugging, uvloop.new_event_loop], ids=["asyncio", "debug", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    made: asyncio.AbstractEventLoop = request.param()
    yield made
    made.run_until_complete(made.shutdown_asyncgens())
    made.close()


@pytest.fixture
def seen(serve: Any) -> list[int]:
    seen: list[int] = []
    serve("calc", {"add": lambda a: seen.append(a) or a})
    return seen


async def open_calc() -> Any:
    return await aio.connect("calc")


async def call(calc: Any, number: int) -> Any:
    return await asyncio.wait_for(calc.add(number), 60)


def refused(run: Callable[[], Any]) -> None:
    with pytest.raises(ipc.IpcError) as caught:
        run()
    assert caught.value.code == "failed_precondition"
    assert "ipcbridge" in str(caught.value) or "closed" in str(caught.value)


def test_a_proxy_serves_its_own_loop_only(loop: asyncio.AbstractEventLoop, seen: list[int]) -> None:
    calc = loop.run_until_complete(open_calc())
    other = asyncio.new_event_loop()
    for use in (
        lambda: call(calc, 1),
        lambda: call(aio.notify(calc), 2),
        lambda: aio.describe(calc),
        lambda: wrapped(aio.call, calc, "add", [3]),
    ):
        refused(lambda use=use: other.run_until_complete(use()))  # type: ignore[misc]
    other.close()

    async def from_a_thread() -> None:
        for use in (lambda: asyncio.run(call(calc, 4)), lambda: calc.add(5)):
            await asyncio.to_thread(refused, use)

    loop.run_until_complete(from_a_thread())
    assert loop.run_until_complete(call(calc, 6)) == 6
    assert loop.run_until_complete(calc.add(7)) == 7  # sent before the loop runs, and on its thread
    assert seen == [6, 7]


async def wrapped(function: Callable[..., Any], *args: Any) -> Any:
    return await function(*args)


def test_a_proxy_of_a_loop_that_is_closed_says_so(seen: list[int]) -> None:
    calc = asyncio.run(open_calc())
    refused(lambda: asyncio.run(call(calc, 1)))
    assert seen == []


def test_a_server_is_closed_on_its_own_loop_only(loop: asyncio.AbstractEventLoop) -> None:
    server = loop.run_until_complete(aio.serve("mine", {"f": len}))
    refused(lambda: asyncio.run(server.close()))
    refused(lambda: asyncio.run(server.wait()))
    loop.run_until_complete(server.close())


def test_a_proxy_may_be_closed_from_anywhere(loop: asyncio.AbstractEventLoop, serve: Any) -> None:
    server = serve("other", {"f": len})

    async def main() -> None:
        proxy = await aio.connect("other")

        def close_and_wait() -> None:
            asyncio.run(aio.close(proxy))
            while server.status()["connections"]:
                pass

        await asyncio.to_thread(close_and_wait)

    loop.run_until_complete(main())
