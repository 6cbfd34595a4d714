"""Many connections with much to do keep a service busy; whoever asks it for little is served all the same."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from children import Children

from ipcbridge import aio

GREEDY = 50
IN_FLIGHT = 64  # of each greedy connection
# Handlers of each place in the crowd that a call waits for: where clients are slow, more connections come meanwhile.
MOST_FOR_COMERS = 16 if "IPCBRIDGE_SANITIZED" in os.environ else 4

# A handler takes its thread for a millisecond; `begun` tells how many of these there have been. `hold` takes it until
# so many other connections have come and gone.
SERVICE = """
begun = 0
def work(x=None):
    global begun
    begun += 1
    time.sleep(0.001)
def hold(others):
    while server.status()["connections"] <= others:
        time.sleep(0.001)
    while server.status()["connections"] > 1:
        time.sleep(0.001)
def as_coroutine_function(handler):
    async def run(*args):
        return handler(*args)
    return run
service = {"work": work, "begun": lambda: begun, "hold": hold}
if "async" in KIND:
    service = {name: as_coroutine_function(handler) for name, handler in service.items()}
options = {"threads": 1, "serial": "serial" in KIND}
"""
BLOCKING = """
server = ipc.serve("calc", service, **options)
say("ready")
server.wait()
"""
ASYNCIO = """
async def main():
    global server
    server = await aio.serve("calc", service, **options)
    say("ready")
    await server.wait()
if API == "uvloop":
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
"""
APIS = ["blocking", "asyncio", "uvloop"]


def start(children: Children, api: str, kind: str) -> None:
    serving = BLOCKING if api == "blocking" else ASYNCIO
    children.run(f"API, KIND = {api!r}, {kind!r}\n{SERVICE}{serving}").expect("ready")


async def works_between(calm: Any, calls: int) -> list[int]:
    """How many handlers of others begin between one answer and the next."""
    begun = [await calm.begun() for _ in range(calls)]
    return [later - earlier for earlier, later in zip(begun, begun[1:])]


async def keep_calling(greedy: Any) -> None:
    async def one() -> None:
        while True:
            await greedy.work()

    await asyncio.gather(*[one() for _ in range(IN_FLIGHT)])


@pytest.mark.parametrize("kind", ["plain", "async", "serial plain", "serial async"])
@pytest.mark.parametrize("api", APIS)
def test_a_call_waits_for_few_of_each_connection_that_has_many_in_flight(
    children: Children, api: str, kind: str
) -> None:
    start(children, api, kind)

    async def main() -> None:
        crowd = [await aio.connect("calc") for _ in range(GREEDY)]
        calm = await aio.connect("calc")
        tasks = [asyncio.ensure_future(keep_calling(each)) for each in crowd]
        while await calm.begun() < 4 * GREEDY:
            pass
        assert max(await works_between(calm, 10)) <= 4 * GREEDY
        for task in tasks:
            task.cancel()

    asyncio.run(asyncio.wait_for(main(), 60))


# An event loop that is held takes no connections, so that its own handlers are left to the next test.
HELD = [("blocking", "plain"), ("blocking", "async"), ("blocking", "serial plain"), ("asyncio", "plain")]


@pytest.mark.parametrize(("api", "kind"), [*HELD, ("asyncio", "serial plain"), ("uvloop", "plain")])
def test_a_call_does_not_wait_for_what_connections_that_have_gone_left_behind(
    children: Children, api: str, kind: str
) -> None:
    start(children, api, kind)

    async def main() -> None:
        calm = await aio.connect("calc")
        held = calm.hold(GREEDY)
        crowd = [await aio.connect("calc") for _ in range(GREEDY)]
        for each in crowd:
            for _ in range(20):
                assert await aio.notify(each).work()
        begun = calm.begun()
        for each in crowd:
            await aio.close(each)
        await held
        assert await begun <= 4
        while await calm.begun() < 20 * GREEDY:
            pass

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize("kind", ["plain", "async", "serial plain", "serial async"])
@pytest.mark.parametrize("api", APIS)
def test_a_call_waits_for_few_notifications_of_connections_that_come_and_go(
    children: Children, api: str, kind: str
) -> None:
    start(children, api, kind)

    async def come_and_go() -> None:
        while True:
            brief = await aio.connect("calc")
            for _ in range(20):
                aio.notify(brief).work()
            await aio.close(brief)

    async def main() -> None:
        calm = await aio.connect("calc")
        tasks = [asyncio.ensure_future(come_and_go()) for _ in range(GREEDY)]
        while await calm.begun() < 4 * GREEDY:
            pass
        assert max(await works_between(calm, 10)) <= MOST_FOR_COMERS * GREEDY
        for task in tasks:
            task.cancel()

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize("api", APIS)
def test_calls_that_are_more_than_a_turn_are_all_answered(children: Children, api: str, kind: str) -> None:
    start(children, api, kind)

    async def main() -> None:
        calm = await aio.connect("calc")
        await asyncio.gather(*[calm.work() for _ in range(10)])
        assert await calm.begun() == 10

    asyncio.run(asyncio.wait_for(main(), 60))
