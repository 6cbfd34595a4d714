"""The other side is killed with 1,000 streams and 1,000 callbacks open: all are told, once, and nothing is left."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from children import Child, Children
from either import Run
from memory import own_memory
from waiting import wait_until

import ipcbridge as ipc
from ipcbridge import aio

MANY = 1000
FEW = {"stream_window_items": 4}
MOST_LEFT = (512 if "IPCBRIDGE_SANITIZED" in os.environ else 64) << 20  # bytes
NOTHING = (0, None, 0, 0)
LOST = Counter({("unavailable", "maybe"): MANY})


@pytest.fixture(params=["shm", "unix"])
def address(request: pytest.FixtureRequest, names_directory: Path) -> str:
    return f"{request.param}://{names_directory}/calc.socket"


def under_way(status: dict[str, Any]) -> tuple[int, int | None, int, int]:
    """Streams that are open, those that are stalled, calls that are pending, those that run."""
    stalled = status["stalled_streams"]
    return status["open_streams"], stalled and stalled["count"], status["pending_calls"], status["running_calls"]


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


SERVICE = """
    async def ticks():
        yield 0
        await asyncio.get_running_loop().create_future()

    async def hold(function, numbers=None):
        await function()

    async def main():
        service = {{"ticks": ticks, "hold": hold, "add": lambda a, b: a + b}}
        server = await aio.serve({address!r}, service, limits={few!r})
        say('ready')
        await server.wait()

    asyncio.run(main())
"""


def serve_elsewhere(children: Children, address: str) -> Child:
    child = children.run(SERVICE.format(address=address, few=FEW))
    child.expect("ready")
    return child


class Given:
    """Streams and functions among the arguments of calls, and what has become of them."""

    def __init__(self) -> None:
        self.cleaned = 0
        self.begun = 0
        self.cancelled = 0

    def numbers(self) -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            self.cleaned += 1

    async def callback(self) -> None:
        self.begun += 1
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


CLIENT = """
    async def hold():
        await asyncio.get_running_loop().create_future()

    async def main():
        calc = await aio.connect({address!r}, limits={few!r})
        streams = [await method() for method in (calc.ticks, calc.later) for _ in range({many} // 2)]
        for stream in streams:
            await stream.__anext__()
        calls = [asyncio.ensure_future(calc.ask(hold)) for _ in range({many})]
        say('open')
        await asyncio.gather(*calls)

    asyncio.run(main())
"""


class Asking:
    """A service of streams and of callbacks, and what has become of them."""

    def __init__(self) -> None:
        self.cleaned: Counter[int] = Counter()
        self.told: Counter[int] = Counter()
        self._numbers = itertools.count()

    def ticks(self) -> Iterator[int]:
        number = next(self._numbers)
        try:
            yield from itertools.count()
        finally:
            self.cleaned[number] += 1

    async def later(self) -> AsyncIterator[int]:
        number = next(self._numbers)
        try:
            for tick in itertools.count():
                yield tick
        finally:
            self.cleaned[number] += 1

    async def ask(self, function: Callable[[], Awaitable[None]]) -> None:
        number = next(self._numbers)
        try:
            await function()
        except (ipc.Unavailable, asyncio.CancelledError):
            self.told[number] += 1
            raise

    def add(self, a: int, b: int) -> int:
        return a + b


def once(counts: Counter[int]) -> bool:
    return len(counts) == MANY and set(counts.values()) == {1}


def test_a_service_outlives_the_client_of_1000_streams_and_1000_callbacks(
    address: str, children: Children, serve_either: Any, connect: Any
) -> None:
    asking = Asking()
    server = serve_either(address, asking)
    other = connect(address)
    other.ask(lambda: None)  # what handlers await has an eventfd, from the first time on
    before = descriptors(), own_memory()
    client = children.run(CLIENT.format(address=address, few=FEW, many=MANY))
    client.expect("open")
    wait_until(lambda: under_way(server.status()) == (MANY, MANY, MANY, MANY))
    assert other.add(1, 2) == 3
    client.kill()
    client.communicate()
    wait_until(lambda: len(asking.told) == len(asking.cleaned) == MANY)
    wait_until(lambda: under_way(server.status()) == NOTHING and server.status()["connections"] == 1)
    assert other.add(1, 2) == 3
    wait_until(lambda: own_memory() - before[1] < MOST_LEFT and descriptors() <= before[0])
    assert once(asking.told)
    assert once(asking.cleaned)


def test_an_asyncio_client_outlives_the_service_of_1000_streams_and_1000_callbacks(
    address: str, children: Children, run: Run
) -> None:
    async def until(satisfied: Callable[[], bool]) -> None:
        while not satisfied():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.001)

    async def outcomes(awaitables: list[Any]) -> Counter[tuple[str, Any]]:
        done = await asyncio.gather(*awaitables, return_exceptions=True)
        return Counter((getattr(error, "code", ""), getattr(error, "sent", "")) for error in done)

    async def main() -> None:
        given = Given()
        service = serve_elsewhere(children, address)
        calc = await aio.connect(address)
        before = descriptors(), own_memory()
        streams = [await calc.ticks() for _ in range(MANY)]
        assert [await stream.__anext__() for stream in streams] == [0] * MANY
        waiting = [asyncio.ensure_future(stream.__anext__()) for stream in streams]
        calls = [calc.hold(given.callback, given.numbers()) for _ in range(MANY)]
        await until(lambda: under_way(aio.status(calc)) == (2 * MANY, MANY, MANY, MANY) and given.begun == MANY)
        service.kill()
        assert await outcomes(waiting) == LOST
        assert await outcomes(calls) == LOST
        await until(lambda: given.cleaned == given.cancelled == MANY)
        assert under_way(aio.status(calc)) == NOTHING
        service.communicate()
        serve_elsewhere(children, address)
        assert await calc.add(1, 2) == 3
        waiting.clear()
        calls.clear()
        streams.clear()
        await until(lambda: own_memory() - before[1] < MOST_LEFT)
        await aio.close(calc)
        await until(lambda: descriptors() <= before[0])
        assert (given.cleaned, given.begun, given.cancelled) == (MANY, MANY, MANY)

    run(main())


def test_a_blocking_client_outlives_the_service_of_1000_streams_and_1000_callbacks(
    address: str, children: Children
) -> None:
    service = serve_elsewhere(children, address)
    calc = ipc.connect(address)
    before = descriptors(), own_memory()
    streams = [calc.ticks() for _ in range(MANY)]
    assert [next(stream) for stream in streams] == [0] * MANY
    running = threading.Semaphore(0)

    def callback() -> None:
        running.release()
        ipc.context().cancellation.wait(60)

    with ipc.retain(callback) as retained:
        calls = [ipc.submit(calc).hold(retained) for _ in range(MANY)]
        assert running.acquire(timeout=30)
        wait_until(lambda: under_way(ipc.status(calc)) == (MANY, None, MANY, MANY))
        service.kill()
        service.communicate()
        outcomes = Counter((error.code, error.sent) for error in (call.exception(60) for call in calls))  # type: ignore[union-attr]
        assert outcomes == LOST
        of_streams: Counter[tuple[str, Any]] = Counter()
        for stream in streams:
            with pytest.raises(ipc.Unavailable) as caught:
                next(stream)
            of_streams[caught.value.code, caught.value.sent] += 1
            assert list(stream) == []
        assert of_streams == LOST
        wait_until(lambda: under_way(ipc.status(calc)) == NOTHING)
    serve_elsewhere(children, address)
    assert calc.add(1, 2) == 3
    calls.clear()
    streams.clear()
    wait_until(lambda: own_memory() - before[1] < MOST_LEFT)
    ipc.close(calc)
    wait_until(lambda: descriptors() <= before[0])
