"""Every call and notification gives back its share of what the service granted, however its handler ended."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

import ipcbridge as ipc
from ipcbridge import aio

FEW = {"max_pending_calls": 4}
MANY = 20


def ignore(*_: Any) -> None:
    pass


def note(fails: bool = False) -> str:
    if fails:
        raise ValueError("as asked")
    return "unwanted"


async def async_note(fails: bool = False) -> str:
    return note(fails)


async def wait() -> None:
    await asyncio.sleep(600)


@pytest.mark.parametrize("kind", ["plain", "async", "executor"])
def test_a_blocking_service_gives_back_those_of_notifications(serve: Any, connect: Any, kind: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        executor = pool if kind == "executor" else None
        handler = async_note if kind == "async" else note
        serve("calc", {"note": handler}, executor=executor, limits=FEW, on_error=ignore)
        calc = connect("calc")
        for args in ((), (True,), ("too", "many")):
            for _ in range(MANY):
                ipc.notify(calc).note(*args)
        assert ipc.with_options(calc, timeout=10).note() == "unwanted"


@pytest.mark.parametrize("kind", ["plain", "async", "executor"])
def test_an_asyncio_service_gives_back_those_of_notifications(kind: str) -> None:
    async def main() -> None:
        with ThreadPoolExecutor(1) as pool:
            executor = pool if kind == "executor" else None
            handler = async_note if kind == "async" else note
            service = {"note": handler}
            server = await aio.serve("calc", service, executor=executor, limits=FEW, on_error=ignore)
            async with server, await aio.connect("calc") as calc:
                for args in ((), (True,), ("too", "many")):
                    for _ in range(MANY):
                        await aio.notify(calc).note(*args)
                assert await aio.with_options(calc, timeout=10).note() == "unwanted"

    asyncio.run(main())


def test_a_blocking_service_gives_back_those_of_cancelled_calls(serve: Any, connect: Any) -> None:
    serve("calc", {"wait": wait, "note": note}, limits=FEW)
    calc = connect("calc")
    for _ in range(2 * FEW["max_pending_calls"]):
        with pytest.raises(ipc.DeadlineExceeded):
            ipc.with_options(calc, timeout=0.01).wait()
        ipc.with_options(ipc.notify(calc), timeout=0.01).wait()
    assert ipc.with_options(calc, timeout=10).note() == "unwanted"


@pytest.mark.parametrize("when", ["before its handler began", "while its handler ran"])
def test_an_asyncio_service_gives_back_those_of_cancelled_calls(when: str) -> None:
    async def main() -> None:
        began = asyncio.Event()

        async def wait() -> None:
            began.set()
            await asyncio.sleep(600)

        async with await aio.serve("calc", {"wait": wait, "note": note}, limits=FEW), await aio.connect("calc") as calc:
            for _ in range(2 * FEW["max_pending_calls"]):
                began.clear()
                call = calc.wait()
                if when == "while its handler ran":
                    await began.wait()
                call.cancel()
            assert await aio.with_options(calc, timeout=10).note() == "unwanted"

    asyncio.run(main())


def test_an_asyncio_service_gives_back_those_that_waited_for_a_thread() -> None:
    async def main() -> None:
        began, end = threading.Event(), threading.Event()

        def hold() -> None:
            began.set()
            end.wait()

        service = {"hold": hold, "note": async_note}
        async with await aio.serve("calc", service, threads=1, limits=FEW), await aio.connect("calc") as calc:
            first = calc.hold()
            await asyncio.to_thread(began.wait)
            for _ in range(2 * FEW["max_pending_calls"]):
                call = calc.hold()
                assert await calc.note() == "unwanted"  # the request has arrived, too
                call.cancel()
            assert await aio.with_options(calc, timeout=10).note() == "unwanted"
            end.set()
            await first

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["blocking", "asyncio"])
def test_calls_that_an_executor_drops_are_cancelled(kind: str) -> None:
    began, second_came, end = threading.Event(), threading.Event(), threading.Event()

    class Noting(ThreadPoolExecutor):
        submitted = 0

        def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
            work = super().submit(*args, **kwargs)
            self.submitted += 1
            if self.submitted == 2:
                second_came.set()
            return work

    def hold() -> str:
        began.set()
        end.wait()
        return "held"

    async def main() -> None:
        executor = Noting(1)
        target = {"hold": hold}
        server = await aio.serve("calc", target, executor=executor) if kind == "asyncio" else None
        blocking = ipc.serve("calc", target, executor=executor) if kind == "blocking" else None
        async with await aio.connect("calc") as calc:
            first = calc.hold()
            await asyncio.to_thread(began.wait)
            second = calc.hold()
            await asyncio.to_thread(second_came.wait)
            executor.shutdown(wait=False, cancel_futures=True)
            with pytest.raises(ipc.IpcError) as caught:
                await asyncio.wait_for(second, 10)
            assert caught.value.code == "cancelled"
            end.set()
            assert await first == "held"
        if server is not None:
            await server.close()
        if blocking is not None:
            await asyncio.to_thread(blocking.close)

    try:
        asyncio.run(main())
    finally:
        end.set()  # or this process could not end
