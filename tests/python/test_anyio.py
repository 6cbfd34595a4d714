"""`async def` handlers are what anyio takes them for: tasks of an asyncio loop."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

import ipcbridge as ipc
from ipcbridge import aio


async def of_a_task_group() -> list[int]:
    results: list[int] = []

    async def add(number: int) -> None:
        await anyio.lowlevel.checkpoint()
        results.append(number)

    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(add, number)
    return sorted(results)


async def of_a_cancel_scope() -> bool:
    with anyio.move_on_after(0.01) as scope:
        await anyio.sleep_forever()
    return scope.cancelled_caught


async def of_a_scope_that_is_cancelled_at_once() -> bool:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await anyio.sleep_forever()
    return scope.cancelled_caught


async def of_a_thread() -> int:
    return await anyio.to_thread.run_sync(functools.partial(int, "7"))


async def of_a_lock() -> str:
    lock = anyio.Lock()
    async with lock:
        await anyio.lowlevel.checkpoint()
    return "locked"


async def of_the_running_task() -> bool:
    task = asyncio.current_task()
    return task is not None and anyio.get_current_task().id == id(task)


HANDLERS: dict[Callable[..., Any], Any] = {
    of_a_task_group: [0, 1, 2],
    of_a_cancel_scope: True,
    of_a_scope_that_is_cancelled_at_once: True,
    of_a_thread: 7,
    of_a_lock: "locked",
    of_the_running_task: True,
}


@pytest.mark.parametrize(("handler", "result"), HANDLERS.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_the_result(handler: Callable[..., Any], result: Any, serve_either: Any, connect: Any) -> None:
    serve_either("calc", {"f": handler})
    calc = ipc.with_options(connect("calc"), timeout=30)
    for _ in range(2):  # the state that anyio keeps of a task is gone with the call
        assert calc.f() == result


def test_within_anyio_run() -> None:
    async def main() -> None:
        async with await aio.serve("calc", {"f": of_a_task_group}), await aio.connect("calc") as calc:
            with anyio.fail_after(30):
                assert await calc.f() == [0, 1, 2]

    anyio.run(main)
