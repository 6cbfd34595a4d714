"""How many calls may wait for one another, and what counts."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import ipcbridge as ipc
from ipcbridge import aio

MOST = 128
ENDLESS = "was not sent: 128 calls wait for one another already"


def quiet(serve: Any, name: str, service: Any, **options: Any) -> None:
    serve(name, service, on_error=lambda error, method: None, **options)


def test_plain_handlers_that_call_each_other_without_end_are_told_so(serve: Any, connect: Any) -> None:
    seen: list[int] = []
    options: dict[str, Any] = {"metadata": {"tenant": 7}, "pass_on": ["tenant"]}

    def again(number: int, how: str) -> Any:
        seen.append(number)
        if how == "submitted":
            return ipc.submit(calc).again(number + 1, how).result(30)
        if how == "marked":
            return ipc.with_options(calc, **options).again(number + 1, how)
        return calc.again(number + 1, how)

    quiet(serve, "calc", {"again": again}, threads=MOST + 2)
    calc = connect("calc")
    for how in ("plain", "submitted", "marked"):
        with pytest.raises(ipc.RemoteError, match=ENDLESS) as caught:
            calc.again(0, how)
        assert caught.value.code == "resource_exhausted"
        assert max(seen) == MOST - 1
        seen.clear()


def test_the_count_goes_on_where_a_middleware_changes_the_metadata(serve: Any, connect: Any) -> None:
    seen: list[int] = []

    def again(number: int) -> Any:
        seen.append(number)
        return calc.again(number + 1)

    def change(call: Any, following: Any) -> Any:
        call.metadata = {"own": 1}
        return following(call)

    quiet(serve, "calc", {"again": again}, threads=MOST + 2)
    calc = connect("calc", middleware=change)
    with pytest.raises(ipc.RemoteError, match=ENDLESS):
        calc.again(0)
    assert max(seen) == MOST - 1


def test_coroutines_generators_and_callbacks_count(serve: Any) -> None:
    async def main() -> list[int]:
        counts = [0, 0, 0]

        async def again() -> Any:
            counts[0] += 1
            return await calc.again()

        async def rows() -> Any:
            counts[1] += 1
            async for row in calc.rows():
                yield row

        async def back() -> Any:
            counts[2] += 1
            return await calc.run(back)

        async def run(function: Any) -> Any:
            return await function()

        service = {"again": again, "rows": rows, "run": run}
        async with aio.serve("calc", service, on_error=lambda error, method: None), aio.connect("calc") as calc:
            with pytest.raises(ipc.RemoteError, match=ENDLESS):
                await calc.again()
            with pytest.raises(ipc.RemoteError, match=ENDLESS):
                async for _row in calc.rows():
                    pass
            with pytest.raises(ipc.RemoteError, match=ENDLESS):
                await calc.run(back)
        return counts

    assert asyncio.run(main()) == [MOST, MOST, MOST // 2]


def test_as_many_calls_as_there_may_be_give_their_result(serve: Any, connect: Any) -> None:
    def down(number: int) -> Any:
        return ipc.context().metadata if number == 1 else calc.down(number - 1)

    quiet(serve, "calc", {"down": down}, threads=MOST + 2)
    calc = connect("calc")
    assert calc.down(MOST) == {}
    with pytest.raises(ipc.RemoteError, match=ENDLESS):
        calc.down(MOST + 1)


def test_notifications_and_what_a_handler_has_left_behind_count_anew(serve: Any, connect: Any) -> None:
    noted, left = threading.Event(), threading.Event()

    def note(number: int) -> None:
        if number == 0:
            noted.set()
        else:
            ipc.notify(calc).note(number - 1)

    async def leave(number: int) -> None:
        if number == 0:
            left.set()
        else:
            tasks.append(asyncio.create_task(go_on(number)))

    async def go_on(number: int) -> None:
        ipc.submit(calc).leave(number - 1)  # the handler has answered: a task begins when the loop comes to it

    tasks: list[Any] = []
    quiet(serve, "calc", {"note": note, "leave": leave})
    calc = connect("calc")
    ipc.notify(calc).note(3 * MOST)
    assert noted.wait(20)
    calc.leave(2 * MOST)
    assert left.wait(20)
