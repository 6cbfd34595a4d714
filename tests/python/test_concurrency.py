from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from children import Children

import ipcbridge as ipc


def test_many_threads_share_one_connection(address: str, children: Children, connect: Any) -> None:
    children.serve(address)
    calc = connect(address)
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(lambda i: calc.add(i, 1), range(3000)))
    assert results == list(range(1, 3001))


def test_more_calls_than_the_service_grants_wait_their_turn(children: Children, connect: Any) -> None:
    children.serve("calc", limits={"max_pending_calls": 2})
    calc = connect("calc")
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(calc.add, range(400))) == list(range(400))


def test_a_caller_waits_for_room_in_the_queue(children: Children, connect: Any) -> None:
    children.serve("calc", limits={"max_pending_calls": 1})
    calc = connect("calc", max_queued_bytes=20_000)
    data = b"x" * 9_000
    with ThreadPoolExecutor(8) as threads:
        assert all(result == data for result in threads.map(lambda _: calc.echo(data), range(40)))


def test_handlers_call_back_their_caller(serve: Any, children: Children, connect: Any) -> None:
    serve("parent", {"double": lambda x: 2 * x})
    children.serve("child", "parent = ipc.connect('parent')\nservice['quad'] = lambda x: 2 * parent.double(x)")
    assert connect("child").quad(3) == 12


def test_handlers_call_their_own_service(serve: Any, connect: Any) -> None:
    def factorial(n: int) -> int:
        result: int = n * calc.factorial(n - 1) if n > 1 else 1
        return result

    serve("calc", {"factorial": factorial})
    calc = connect("calc")
    assert calc.factorial(5) == 120


def test_handlers_run_at_the_same_time(serve: Any, connect: Any) -> None:
    meeting = threading.Barrier(4)
    serve("calc", {"meet": lambda: meeting.wait(30) >= 0}, threads=4)
    calc = connect("calc")
    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(lambda _: calc.meet(), range(4)))


def test_a_stuck_handler_does_not_hold_up_others(serve: Any, connect: Any) -> None:
    release = threading.Event()
    serve("calc", {"stuck": release.wait, "add": lambda a, b: a + b}, threads=2)
    calc = connect("calc")
    with ThreadPoolExecutor(1) as threads:
        stuck = threads.submit(calc.stuck)
        sums = [ipc.with_options(calc, timeout=30).add(i, 1) for i in range(200)]
        was_stuck = not stuck.done()
        release.set()
        assert (sums, was_stuck) == (list(range(1, 201)), True)
        assert stuck.result(30) is True


def test_an_async_handler_that_blocks_after_it_has_waited_does_not_hold_up_plain_ones(serve: Any, connect: Any) -> None:
    entered, release = threading.Event(), threading.Event()

    async def wait_then_block() -> None:
        await asyncio.sleep(0.1)
        entered.set()
        release.wait(60)

    serve("calc", {"wait_then_block": wait_then_block, "echo": lambda x: x})
    calc = connect("calc")
    with ThreadPoolExecutor(1) as threads:
        blocked = threads.submit(calc.wait_then_block)
        assert entered.wait(30)
        echo = ipc.with_options(calc, timeout=30).echo
        assert [echo(i) for i in range(100)] == list(range(100))
        release.set()
        blocked.result()


def test_a_service_says_when_all_its_threads_are_stuck(serve: Any, connect: Any) -> None:
    release = threading.Event()
    logged = threading.Event()
    messages: list[str] = []

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())
            logged.set()

    watch = Watch()
    logging.getLogger("ipcbridge").addHandler(watch)
    server = serve("calc", {"stuck": release.wait}, threads=2)
    calc = connect("calc")
    try:
        with ThreadPoolExecutor(4) as threads:
            calls = [threads.submit(calc.stuck) for _ in range(4)]
            said = logged.wait(30)
            status = ipc.status(server)
            release.set()
            assert all(call.result(30) for call in calls)
            assert said
    finally:
        logging.getLogger("ipcbridge").removeHandler(watch)
    assert "all 2 handler threads are busy" in messages[0]
    assert (status["workers"], status["busy_workers"], status["slowest_method"]) == (2, 2, "stuck")


def test_a_timeout_reaches_the_handler(serve: Any, connect: Any) -> None:
    began, noticed = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        context = ipc.context()
        while not context.cancelled():
            time.sleep(0.001)
        noticed.set()

    serve("calc", {"wait": wait})
    calc = connect("calc")
    while not began.is_set():  # a call that times out before its turn is not begun
        with pytest.raises(ipc.DeadlineExceeded):
            ipc.with_options(calc, timeout=0.05).wait()
    assert noticed.wait(30)


def test_a_timeout_cancels_an_async_handler(serve: Any, connect: Any) -> None:
    began, cancelled = threading.Event(), threading.Event()

    async def wait() -> None:
        began.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    serve("calc", {"wait": wait})
    calc = ipc.with_options(connect("calc"), timeout=0.05)
    while not began.is_set():  # a call that timed out before its turn does not run
        with pytest.raises(ipc.DeadlineExceeded):
            calc.wait()
    assert cancelled.wait(30)


def test_a_notification_for_which_there_is_no_room_is_dropped_and_counted(serve: Any, connect: Any) -> None:
    gate = threading.Event()
    serve("calc", {"wait": lambda: gate.wait(10)}, limits={"max_pending_calls": 1})
    calc = connect("calc", max_queued_bytes=2_000)
    taken = [ipc.notify(calc).wait() for _ in range(100)]
    dropped = taken.count(False)
    assert 0 < dropped < 100
    assert ipc.status(calc)["dropped_notifications"] == dropped
    gate.set()
    assert calc.wait() is True


def test_notifications_beyond_the_grant_all_arrive(serve: Any, connect: Any) -> None:
    seen: list[int] = []

    def note(at: int) -> None:
        seen.append(at)
        if at % 2:
            raise ipc.IpcError("not_found", "odd")

    serve("calc", {"note": note, "count": lambda: len(seen)}, limits={"max_pending_calls": 4}, serial=True)
    calc = connect("calc")
    for at in range(100):
        ipc.notify(calc).note(at)
    assert calc.count() == 100
