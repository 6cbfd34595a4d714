"""Plain calls of an asyncio server that come one after the other: its threads read for the loop, which sleeps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ipcbridge as ipc
from ipcbridge import aio

QUICK_CALLS = 200  # more than make the loop lend the reading


def quick(value: int) -> int:
    return value


async def on_loop(value: int) -> int:
    return value


def call_quickly(calc: Any) -> None:
    assert [calc.quick(i) for i in range(QUICK_CALLS)] == list(range(QUICK_CALLS))


def from_a_thread(name: str, calls: Callable[[Any], object]) -> asyncio.Future[None]:
    def run() -> None:
        with ipc.connect(name) as calc:
            calls(calc)

    return asyncio.get_running_loop().run_in_executor(None, run)


def test_both_kinds_of_handlers_are_called_after_many_plain_calls(serve_either: Any, connect: Any) -> None:
    serve_either("calc", {"quick": quick, "on_loop": on_loop})
    calc = connect("calc")
    for _ in range(20):
        call_quickly(calc)
        assert [calc.on_loop(i) for i in range(3)] == [0, 1, 2]


def test_a_handler_that_takes_long_keeps_nobody_waiting(serve_either: Any, connect: Any) -> None:
    opened = threading.Event()
    entered = threading.Event()

    def hold() -> None:
        entered.set()
        assert opened.wait(60)

    serve_either("calc", {"quick": quick, "on_loop": on_loop, "hold": hold})
    calc = connect("calc")
    call_quickly(calc)
    with ThreadPoolExecutor(1) as callers:
        held = callers.submit(calc.hold)
        assert entered.wait(60)
        call_quickly(calc)
        assert calc.on_loop(1) == 1
        opened.set()
        held.result(60)


def test_the_servers_of_a_loop_are_all_called(serve_either: Any, connect: Any) -> None:
    serve_either("one", {"quick": quick})
    serve_either("two", {"quick": quick})
    one, two = connect("one"), connect("two")
    for _ in range(5):
        call_quickly(one)
        call_quickly(two)


def call_for_long(calc: Any) -> None:
    for _ in range(50):
        call_quickly(calc)


def test_new_connections_and_servers_are_found_while_a_thread_reads() -> None:
    async def call_another(name: str) -> None:
        async with aio.serve(name, {"quick": quick, "on_loop": on_loop}), aio.connect(name) as other:
            assert await other.on_loop(1) == await other.quick(1) == 1

    async def main() -> None:
        async with aio.serve("first", {"quick": quick}):
            calling = from_a_thread("first", call_for_long)
            for number in range(10):
                await call_another(f"other{number}")
            await calling

    asyncio.run(main())


def test_timers_of_the_loop_run_while_a_thread_reads() -> None:
    async def main() -> None:
        async with aio.serve("calc", {"quick": quick}):
            calling = from_a_thread("calc", call_for_long)
            ticks = 0
            while not calling.done():
                await asyncio.sleep(0.0005)
                ticks += 1
            await calling
            assert ticks > 1

    asyncio.run(main())


def test_a_server_or_its_loop_may_end_while_a_thread_reads() -> None:
    async def main(closes: bool) -> None:
        server = await aio.serve("calc", {"quick": quick})
        await from_a_thread("calc", call_quickly)
        if closes:
            await server.close()

    for closes in (True, False) * 10:
        asyncio.run(main(closes))
