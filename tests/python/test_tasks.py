"""`async def` handlers run as tasks of their loop, and find there what asyncio promises them."""

from __future__ import annotations

import asyncio
import functools
import sys
from typing import Any

import pytest
from either import Run

import ipcbridge as ipc
from ipcbridge import aio


def test_the_task_shows_the_handler(serve_either: Any, connect: Any) -> None:
    async def wait_here() -> list[Any]:
        task = asyncio.current_task()
        assert task is not None
        await asyncio.sleep(0)
        return [repr(task), task.get_stack()[-1].f_code.co_name, task.done()]

    serve_either("calc", {"wait_here": wait_here})
    shown, function, done = connect("calc").wait_here()
    assert "wait_here" in shown
    assert (function, done) == ("wait_here", False)


def test_a_task_that_has_ended_still_shows_the_handler(run: Run, address: str) -> None:
    shown = []

    async def wait_here() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda ended: shown.append(repr(ended)))
        await asyncio.sleep(0)

    async def main() -> None:
        async with await aio.serve(address, {"wait_here": wait_here}), await aio.connect(address) as calc:
            await calc.wait_here()

    run(main())
    assert "wait_here" in shown[0].partition("coro=")[2]


def test_a_handler_that_does_not_wait_is_a_task_all_the_same(serve_either: Any, connect: Any) -> None:
    async def look() -> list[Any]:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        return [task in asyncio.all_tasks(), task is not None and task.get_loop() is loop, ipc.context().method]

    serve_either("calc", {"look": look})
    assert connect("calc").look() == [True, True, "look"]


def test_all_of_a_handler_that_is_no_plain_function_runs_in_its_task(serve_either: Any, connect: Any) -> None:
    class Handler:
        async def __call__(self, number: int) -> bool:
            return asyncio.current_task() is not None and number == 1

    serve_either("calc", {"instance": Handler(), "partial": functools.partial(Handler().__call__, 1)})
    calc = connect("calc")
    assert calc.instance(1) is True
    assert calc.partial() is True


def test_tasks_that_a_handler_leaves_behind_go_on(serve_either: Any, connect: Any) -> None:
    left: list[asyncio.Task[str]] = []

    async def leave() -> None:
        left.append(asyncio.get_running_loop().create_task(asyncio.sleep(0, "ran")))

    async def result() -> str:
        return await left[0]

    serve_either("calc", {"leave": leave, "result": result})
    calc = connect("calc")
    calc.leave()
    assert calc.result() == "ran"


def test_the_first_step_of_a_call_comes_before_the_next_call_is_begun(serve_either: Any, connect: Any) -> None:
    order: list[str] = []

    async def note(name: str) -> list[str]:
        order.append(f"{name} begins")
        await asyncio.sleep(0)
        order.append(f"{name} ends")
        return order

    serve_either("calc", {"note": note})
    calc = connect("calc")
    assert calc.note("a") == ["a begins", "a ends"]
    assert calc.note("b") == ["a begins", "a ends", "b begins", "b ends"]


@pytest.mark.parametrize("where", ["debug", "factory", "eager"])
def test_loops_that_make_tasks_in_ways_of_their_own(where: str) -> None:
    if where == "eager" and sys.version_info < (3, 12):
        pytest.skip("asyncio.eager_task_factory is there since Python 3.12")
    made: list[Any] = []

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return 2 * number

    async def at_once(number: int) -> int:
        return 2 * number

    async def main() -> None:
        from ipcbridge import aio

        loop = asyncio.get_running_loop()
        if where == "debug":
            loop.set_debug(True)
        else:
            loop.set_task_factory(factory if where == "factory" else asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
        async with await aio.serve("calc", {"double": double, "at_once": at_once}):
            calc = await aio.connect("calc")
            results = await asyncio.gather(*(calc.double(n) for n in range(3)), *(calc.at_once(n) for n in range(3)))
            assert results == [0, 2, 4, 0, 2, 4]
            await aio.close(calc)

    asyncio.run(main())
    assert [type(each).__name__ for each in made].count("HandlerCoroutine") == (6 if where == "factory" else 0)
