"""Many connections with much to do keep a service busy; whoever asks it for little is served all the same."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from children import Children

from ipcbridge import aio

GREEDY = 50
IN_FLIGHT = 64  # of each greedy connection

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
if KIND == "async":
    service = {name: as_coroutine_function(handler) for name, handler in service.items()}
server = ipc.serve("calc", service, threads=1)
say("ready")
server.wait()
"""


async def works_between(calm: Any, calls: int) -> list[int]:
    """How many handlers of others begin between one answer and the next."""
    begun = [await calm.begun() for _ in range(calls)]
    return [later - earlier for earlier, later in itertools.pairwise(begun)]


async def keep_calling(greedy: Any) -> None:
    async def one() -> None:
        while True:
            await greedy.work()

    await asyncio.gather(*[one() for _ in range(IN_FLIGHT)])


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_call_waits_for_few_of_each_connection_that_has_many_in_flight(children: Children, kind: str) -> None:
    children.run(f"KIND = {kind!r}\n{SERVICE}").expect("ready")

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


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_call_does_not_wait_for_what_connections_that_have_gone_left_behind(children: Children, kind: str) -> None:
    children.run(f"KIND = {kind!r}\n{SERVICE}").expect("ready")

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
