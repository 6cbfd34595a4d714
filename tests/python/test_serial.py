"""Services and methods that run one call at a time; and calls whose callers have given up."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest

import ipcbridge as ipc


class Gate:
    """A serial method whose calls wait inside until they are released."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.released = threading.Event()
        self.order: list[int] = []

    @ipc.method(serial=True)
    def enter(self, at: int) -> Any:
        self.order.append(at)
        self.began.set()
        assert self.released.wait(60)
        return [at, ipc.context().method, ipc.context().metadata, ipc.context().deadline]

    def other(self) -> str:
        return "other"


def call_one_by_one(threads: ThreadPoolExecutor, server: Any, calc: Any, gate: Gate, count: int) -> list[Future[Any]]:
    """Calls that reach the server in this order; the first is inside."""
    calls = []
    for at in range(count):
        view = ipc.with_options(calc, metadata={"at": at}, timeout=1000 + at)
        calls.append(threads.submit(view.enter, at))
        while server.status()["running_calls"] <= at:
            pass
        assert gate.began.wait(60)
    return calls


@pytest.mark.parametrize("executor", [False, True], ids=["threads", "executor"])
def test_calls_that_wait_for_their_turn_hold_no_thread(executor: bool, serve_either: Any, connect: Any) -> None:
    gate = Gate()
    with ThreadPoolExecutor(8) as own, ThreadPoolExecutor(20) as threads:
        server = serve_either("calc", gate, threads=8, **({"executor": own} if executor else {}))
        calc = connect("calc")
        calls = call_one_by_one(threads, server, calc, gate, 20)
        others = [ipc.with_options(calc, timeout=60).other() for _ in range(20)]
        order_before = list(gate.order)
        gate.released.set()
        assert others == ["other"] * 20
        assert order_before == [0]
        results = [call.result(60) for call in calls]
    assert gate.order == list(range(20))
    for at, (given, method, metadata, deadline) in enumerate(results):
        assert (given, method, metadata) == (at, "enter", {"at": at})
        assert 900 + at < deadline <= 1000 + at


def test_a_call_that_is_given_up_before_its_turn_does_not_run(serve_either: Any, connect: Any) -> None:
    gate = Gate()
    server = serve_either("calc", gate, threads=2)
    calc = connect("calc")
    with ThreadPoolExecutor(4) as threads:
        calls = call_one_by_one(threads, server, calc, gate, 3)
        with pytest.raises(ipc.DeadlineExceeded):
            ipc.with_options(calc, timeout=0.05).enter(99)
        last = threads.submit(calc.enter, 3)
        calc.other()  # what tells of the timeout has been read by now
        gate.released.set()
        for call in [*calls, last]:
            call.result(60)
    while server.status()["running_calls"] > 0:  # the one that was given up is answered as well
        pass
    assert gate.order == [0, 1, 2, 3]


def test_a_call_that_is_given_up_before_its_turn_makes_room_at_once(serve_either: Any, connect: Any) -> None:
    gate = Gate()
    serve_either("calc", gate, limits={"max_pending_calls": 4})
    calc = connect("calc")
    with ThreadPoolExecutor(1) as threads:
        stuck = threads.submit(calc.enter, 0)
        assert gate.began.wait(60)
        for at in range(8):
            with pytest.raises(ipc.DeadlineExceeded):
                ipc.with_options(calc, timeout=0.02).enter(at)
        assert ipc.with_options(calc, timeout=60).other() == "other"
        gate.released.set()
        stuck.result(60)


class Inline(Executor):
    """Runs what is submitted before submit() returns."""

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(function(*args, **kwargs))
        return done


@pytest.mark.parametrize("executor", ["inline", "shut down"])
def test_a_crowd_that_waits_for_its_turn_is_answered_whatever_the_executor_does(
    executor: str, serve: Any, connect: Any
) -> None:
    gate, count = Gate(), 300  # more than Python's stack would hold, if each went on from within the last
    own: Executor = Inline() if executor == "inline" else ThreadPoolExecutor(2)
    server = serve("calc", gate, executor=own)
    calc = connect("calc")
    with ThreadPoolExecutor(count) as threads:
        calls = [threads.submit(calc.enter, at) for at in range(count)]
        while server.status()["running_calls"] < count:
            pass
        if executor == "shut down":
            own.shutdown(wait=False)
        gate.released.set()
        answered = [call.exception(60) is None for call in calls]
    assert answered.count(True) == (count if executor == "inline" else 1)


class Broken(Executor):
    """Whose futures fail."""

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        broken: Future[Any] = Future()
        broken.set_exception(RuntimeError("the pool is broken"))
        return broken


def test_a_call_whose_executor_fails_is_answered(serve_either: Any, connect: Any) -> None:
    serve_either("calc", Gate(), executor=Broken(), on_error=lambda error, method: None)
    calc = ipc.with_options(connect("calc"), timeout=60)
    for method in (calc.other, calc.other, lambda: calc.enter(0), lambda: calc.enter(1)):
        with pytest.raises(ipc.RemoteError, match="the pool is broken"):
            method()


class Unreliable(Executor):
    """Which does not run the first that it is given."""

    def __init__(self, how: str) -> None:
        self._how = how
        self._inline = Inline()
        self._first = True

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if not self._first:
            return self._inline.submit(function, *args, **kwargs)
        self._first = False
        if self._how == "refuses":
            raise ValueError("not this one")
        lost: Future[Any] = Future()
        if self._how == "cancels":
            lost.cancel()
            lost.set_running_or_notify_cancel()
        else:
            lost.set_exception(RuntimeError("not this one"))
        return lost


@pytest.mark.parametrize("how", ["refuses", "fails", "cancels"])
def test_a_serial_call_that_its_executor_loses_is_answered_and_the_next_goes_on(
    how: str, serve_either: Any, connect: Any
) -> None:
    gate = Gate()
    gate.released.set()
    serve_either("calc", gate, executor=Unreliable(how), on_error=lambda error, method: None)
    calc = ipc.with_options(connect("calc"), timeout=60)
    with pytest.raises(ipc.RemoteError, match="cancelled" if how == "cancels" else "not this one"):
        calc.enter(0)
    assert calc.enter(1)[0] == 1
    assert gate.order == [1]


def test_calls_that_wait_for_their_turn_are_cancelled_when_the_server_closes(serve_either: Any, connect: Any) -> None:
    gate = Gate()
    server = serve_either("calc", gate)
    calc = connect("calc")
    with ThreadPoolExecutor(4) as threads:
        calls = call_one_by_one(threads, server, calc, gate, 4)
        server.close(grace=0)
        for call in calls:
            assert isinstance(call.exception(60), ipc.IpcError)
        gate.released.set()
    assert gate.order == [0]


def test_a_serial_method_runs_under_run(serve: Any, connect: Any) -> None:
    gate = Gate()
    gate.released.set()
    server = serve("calc", gate)
    calc = connect("calc")
    results: list[Any] = []

    def call() -> None:
        with ThreadPoolExecutor(8) as threads:
            results.extend(threads.map(lambda at: calc.enter(at)[0], range(40)))
        server.close()

    caller = threading.Thread(target=call)
    caller.start()
    server.run()
    caller.join()
    assert results == list(range(40))


@pytest.mark.parametrize("whole", [True, False], ids=["service", "method"])
@pytest.mark.parametrize("is_async", [True, False], ids=["async", "plain"])
def test_serial_handlers_run_one_at_a_time(whole: bool, is_async: bool, serve_either: Any, connect: Any) -> None:
    inside = 0
    most = 0

    def begin() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)

    def end() -> None:
        nonlocal inside
        inside -= 1

    def enter() -> None:
        begin()
        time.sleep(0.001)
        end()

    async def pause() -> None:
        begin()
        await asyncio.sleep(0.001)
        end()

    handler = pause if is_async else enter
    serve_either("calc", {"enter": handler if whole else ipc.method(serial=True)(handler)}, serial=whole)
    calc = connect("calc")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: calc.enter(), range(40)))
    assert most == 1


def test_plain_and_async_handlers_of_a_serial_service_take_turns(serve_either: Any, connect: Any) -> None:
    inside: list[str] = []

    async def pause() -> list[str]:
        inside.append("pause")
        await asyncio.sleep(0.001)
        return [inside.pop(), *inside]

    def enter() -> list[str]:
        inside.append("enter")
        time.sleep(0.001)
        return [inside.pop(), *inside]

    serve_either("calc", {"pause": pause, "enter": enter}, serial=True)
    calc = connect("calc")
    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda at: calc.pause() if at % 2 else calc.enter(), range(40)))
    assert seen == [["enter"], ["pause"]] * 20


def test_a_serial_service_runs_one_handler_of_its_executor_at_a_time(serve_either: Any, connect: Any) -> None:
    turn = threading.Lock()

    def enter() -> bool:
        alone = turn.acquire(blocking=False)
        time.sleep(0.001)
        if alone:
            turn.release()
        return alone

    with ThreadPoolExecutor(4) as executor, ThreadPoolExecutor(8) as threads:
        serve_either("calc", {"enter": enter}, serial=True, executor=executor)
        calc = connect("calc")
        assert all(threads.map(lambda _: calc.enter(), range(40)))


@pytest.mark.parametrize("plain", [False, True], ids=["async", "plain"])
def test_calls_that_were_given_up_are_answered_all_the_same(plain: bool, serve_either: Any, connect: Any) -> None:
    """Each counts against what the server grants until it is answered."""
    released = threading.Event()

    async def sleep() -> None:
        await asyncio.sleep(600)

    async def echo(value: int) -> int:
        return value

    service = {"sleep": (lambda: released.wait(60)) if plain else sleep, "echo": echo}
    server = serve_either("calc", service, limits={"max_pending_calls": 4}, threads=2)
    calc = connect("calc")
    for _ in range(10):
        with pytest.raises(ipc.DeadlineExceeded):
            ipc.with_options(calc, timeout=0.01).sleep()
    released.set()
    assert calc.echo(3) == 3
    while server.status()["running_calls"] > 0 or ipc.status(calc)["pending_calls"] > 0:
        time.sleep(0.001)
