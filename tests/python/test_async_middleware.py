"""Middleware that is `async`, or around what is."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from either import Run
from middleware_service import SERVICE, rows
from waiting import wait_until

import ipcbridge as ipc
from ipcbridge import aio


def test_an_async_middleware_awaits_plain_handlers_which_run_on_threads(serve_either: Any, connect: Any) -> None:
    threads = []

    def plain(a: float) -> list[Any]:
        threads.append(threading.current_thread())
        return [a, ipc.context().method]

    async def around(call: Any, next: Any) -> Any:
        threads.append(threading.current_thread())
        await asyncio.sleep(0)
        return [ipc.context().method, *await next(call)]

    serve_either("calc", {"plain": plain, **SERVICE}, middleware=[around])
    calc = connect("calc")
    assert calc.plain(1) == ["plain", 1.0, "plain"]
    assert threads[0] is not threads[1]


def test_in_async_middleware_plain_handlers_run_on_as_many_threads_as_the_service_has(
    serve_either: Any, connect: Any
) -> None:
    names: set[str] = set()
    running = threading.Semaphore(2)
    together = threading.Barrier(2)

    def handle() -> bool:
        names.add(threading.current_thread().name)
        is_alone = running.acquire(blocking=False)
        together.wait(30)
        running.release()
        return is_alone

    async def around(call: Any, next: Any) -> Any:
        return await next(call)

    server = serve_either("calc", {"handle": handle}, middleware=around, threads=2)
    calls = [ipc.submit(connect("calc")).handle() for _ in range(6)]
    assert [call.result(30) for call in calls] == [True] * 6
    assert names == {"ipcbridge-calc_0", "ipcbridge-calc_1"}
    server.close()
    wait_until(lambda: names.isdisjoint(thread.name for thread in threading.enumerate()))


def test_plain_middleware_around_async_handlers(serve_either: Any, connect: Any) -> None:
    async def add(a: int, b: int) -> int:
        await asyncio.sleep(0)
        return a + b

    def pass_on(call: Any, next: Any) -> Any:
        return next(call)

    def answer(call: Any, next: Any) -> Any:
        return "answered" if call.kwargs.get("b") == 0 else next(call)

    async def double(call: Any, next: Any) -> Any:
        return 2 * await next(call)

    serve_either("calc", {"add": add}, middleware=[pass_on, answer])
    calc = connect("calc")
    assert (calc.add(1, 2), calc.add(1, b=0)) == (3, "answered")
    serve_either("other", {"add": add, "rows": rows}, middleware=[pass_on, double, pass_on])
    assert connect("other").add(1, 2) == 6


def test_an_asyncio_client_has_plain_and_async_middleware(run: Run) -> None:
    seen = []

    def plain(call: Any, next: Any) -> Any:
        seen.append(call.method)
        return "answered" if call.kwargs.get("b") == 0 else next(call)

    async def slow(call: Any, next: Any) -> Any:
        await asyncio.sleep(0)
        call.metadata["a"] = 1
        return await next(call)

    async def main() -> None:
        async with aio.serve("calc", SERVICE):
            async with aio.connect("calc", middleware=plain) as calc:
                assert isinstance(calc.add(1), aio.Call)
                assert await calc.add(1, b=2) == 3
                assert await calc.add(1, b=0) == "answered"
                assert [item async for item in calc.rows(3)] == [0, 1, 2]
            async with aio.connect("calc", middleware=[plain, slow, plain]) as calc:
                assert isinstance(calc.add(1), aio.Call)
                assert await calc.add(1, b=2) == 3
                assert await calc.see() == {"a": 1}
                assert [item async for item in calc.rows(3)] == [0, 1, 2]
                assert await asyncio.gather(*(calc.add(n, b=1) for n in range(20))) == list(range(1, 21))
                assert await aio.call(calc, "add", [1], {"b": 0}) == "answered"
                assert (await aio.describe(calc))["service"] == "calc"

    run(main())


def test_cancelling_a_call_with_async_middleware_cancels_the_handler(run: Run) -> None:
    async def main() -> None:
        cancelled = asyncio.Event()

        async def sleep() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.set()
                raise

        async def around(call: Any, next: Any) -> Any:
            return await next(call)

        async with aio.serve("calc", {"sleep": sleep}), aio.connect("calc", middleware=around) as calc:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(calc.sleep(), 0.1)
            await asyncio.wait_for(cancelled.wait(), 30)

    run(main())
