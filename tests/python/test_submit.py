"""submit(): calls in flight without a thread each."""

from __future__ import annotations

import concurrent.futures
import gc
import threading
import time
import types
import weakref
from typing import Any

import pytest
from children import Children

import ipcbridge as ipc
from ipcbridge import aio


def _stream(count: int) -> Any:
    yield from range(count)


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


@pytest.fixture
def calc(serve: Any, connect: Any, gate: threading.Event) -> Any:
    """A service whose wait() ends when the gate opens."""

    def fail(text: str) -> None:
        raise KeyError(text)

    def wait(name: str = "") -> str:
        assert gate.wait(30)
        return name

    async def sleep(seconds: float) -> None:
        import asyncio

        began.append(seconds)
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            cancelled.append(seconds)
            raise

    began: list[float] = []
    cancelled: list[float] = []
    service = {
        "add": lambda a, b=0: a + b,
        "echo": lambda value: value,
        "fail": fail,
        "wait": wait,
        "sleep": sleep,
        "began": lambda: began,
        "cancelled": lambda: cancelled,
        "rows": _stream,
        "math": types.SimpleNamespace(double=lambda x: 2 * x),
        "see": lambda: [ipc.context().metadata, ipc.context().deadline is not None],
    }
    serve("calc", service)
    yield connect("calc")
    gate.set()


def test_a_submitted_call_is_a_future_of_concurrent_futures(calc: Any) -> None:
    future = ipc.submit(calc).add(2, b=3)
    assert isinstance(future, concurrent.futures.Future)
    assert future.result() == 5
    assert future.result(timeout=0) == 5
    assert (future.done(), future.cancelled(), future.exception()) == (True, False, None)


def test_callbacks_read_their_own_futures_one_after_the_other(calc: Any) -> None:
    depths: list[int] = []
    results: list[int] = []

    def read(future: Any) -> None:
        depths.append(len(depths) - len(results))
        results.append(future.result())

    futures = [ipc.submit(calc).add(number) for number in range(2_000)]
    for future in futures:
        future.add_done_callback(read)
    assert [future.result() for future in futures] == list(range(2_000))
    assert sorted(results) == list(range(2_000))
    assert set(depths) == {0}


def test_a_future_that_its_user_has_ended_stays_as_it_is(calc: Any, gate: threading.Event) -> None:
    ended, answered = ipc.submit(calc).wait("answered"), ipc.submit(calc).add(1)
    ended.set_result("ended")
    assert ended.result() == "ended"
    gate.set()
    assert answered.result() == 1
    assert calc.add(2) == 2
    assert ended.result() == "ended"


def test_many_calls_are_in_flight_at_once(calc: Any) -> None:
    threads = threading.active_count()
    futures = [ipc.submit(calc).add(number) for number in range(2_000)]
    assert threading.active_count() <= threads + 1
    assert [future.result(30) for future in futures] == list(range(2_000))
    assert ipc.status(calc)["pending_calls"] == 0


def test_large_values_travel(calc: Any) -> None:
    values = [bytes([number]) * 300_000 for number in range(20)]
    futures = [ipc.submit(calc).echo(value) for value in values]
    assert [future.result(30) for future in futures] == values


def test_an_error_of_the_handler_is_the_exception_of_the_future(calc: Any) -> None:
    future = ipc.submit(calc).fail("x")
    error = future.exception(30)
    assert isinstance(error, ipc.RemoteError)
    assert error.type == "KeyError"
    with pytest.raises(ipc.RemoteError, match="KeyError: 'x'"):
        future.result()


def test_what_is_wrong_with_the_call_itself_is_raised_at_once(calc: Any) -> None:
    with pytest.raises(ipc.IpcError, match=r"args\[0\]"):
        ipc.submit(calc).echo(object())
    with pytest.raises(AttributeError):
        ipc.submit(calc).nothing()


def test_result_waits_for_its_timeout_and_the_call_goes_on(calc: Any, gate: threading.Event) -> None:
    future = ipc.submit(calc).wait("a")
    with pytest.raises(concurrent.futures.TimeoutError):
        future.result(timeout=0.05)
    with pytest.raises(concurrent.futures.TimeoutError):
        future.exception(timeout=0)
    gate.set()
    assert future.result(30) == "a"


def test_a_call_beyond_its_timeout_is_a_deadline_exceeded(calc: Any) -> None:
    future = ipc.submit(ipc.with_options(calc, timeout=0.05)).wait()
    with pytest.raises(ipc.DeadlineExceeded) as caught:
        future.result(30)
    assert caught.value.sent == "maybe"


def test_cancelling_a_future_cancels_the_handler(calc: Any) -> None:
    future = ipc.submit(calc).sleep(60)
    told = []
    future.add_done_callback(lambda ended: told.append(ended.cancelled()))
    deadline = time.monotonic() + 30
    while calc.began() != [60]:
        assert time.monotonic() < deadline
    assert future.cancel()
    assert future.cancelled()
    assert future.done()
    assert told == [True]
    assert future.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(5)
    while calc.cancelled() != [60]:
        assert time.monotonic() < deadline
    assert ipc.status(calc)["pending_calls"] == 0


def test_a_future_that_has_ended_cannot_be_cancelled(calc: Any) -> None:
    future = ipc.submit(calc).add(1)
    future.result(30)
    assert not future.cancel()
    assert not future.cancelled()


def test_callbacks_run_though_nobody_waits(calc: Any, gate: threading.Event) -> None:
    done, seen = threading.Event(), []
    future = ipc.submit(calc).wait("late")

    def callback(ended: Any) -> None:
        seen.append(ended.result())
        done.set()

    future.add_done_callback(callback)
    gate.set()
    assert done.wait(30)
    assert seen == ["late"]


def test_a_callback_that_raises_harms_nobody(calc: Any, caplog: pytest.LogCaptureFixture) -> None:
    first, done = ipc.submit(calc).wait(), threading.Event()
    first.add_done_callback(lambda _: 1 // 0)
    second = ipc.submit(calc).add(1)
    second.add_done_callback(lambda _: done.set())
    assert done.wait(30)
    assert second.result(30) == 1


def test_a_callback_may_make_calls_and_wait_for_them(calc: Any) -> None:
    done, seen = threading.Event(), []

    def callback(ended: Any) -> None:
        seen.append(ipc.submit(calc).add(ended.result(), 1).result(30))
        seen.append(calc.add(ended.result(), 2))
        done.set()

    ipc.submit(calc).add(1).add_done_callback(callback)
    assert done.wait(30)
    assert seen == [2, 3]


def test_as_completed_and_wait_know_them(calc: Any, gate: threading.Event) -> None:
    slow, quick = ipc.submit(calc).wait("slow"), ipc.submit(calc).add(1)
    cancelled = ipc.submit(calc).sleep(60)
    order = concurrent.futures.as_completed([slow, quick, cancelled], timeout=30)
    assert next(order) is quick
    cancelled.cancel()
    assert next(order) is cancelled
    gate.set()
    assert next(order) is slow
    done, not_done = concurrent.futures.wait([slow, quick, cancelled], timeout=30)
    assert (len(done), len(not_done)) == (3, 0)


def test_many_threads_wait_for_futures_of_each_other(calc: Any) -> None:
    futures = [ipc.submit(calc).add(number) for number in range(400)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(lambda _: sum(future.result(30) for future in futures), range(8)))
    assert sums == [sum(range(400))] * 8


def test_blocking_calls_and_submitted_ones_go_side_by_side(calc: Any) -> None:
    def work(base: int) -> bool:
        right = True
        for number in range(200):
            future = ipc.submit(calc).add(base, number)
            right = right and calc.add(base) == base and future.result(30) == base + number
        return right

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_namespaces_options_and_notifications_of_a_view(calc: Any) -> None:
    assert ipc.submit(calc).math.double(4).result(30) == 8
    assert ipc.submit(calc.math).double(4).result(30) == 8
    assert ipc.with_options(ipc.submit(calc), metadata={"a": 1}).see().result(30) == [{"a": 1}, False]
    assert ipc.submit(ipc.with_options(calc, timeout=5)).see().result(30) == [{}, True]
    assert ipc.notify(ipc.submit(calc)).add(1).result(timeout=0) is True
    assert ipc.call(ipc.submit(calc), "add", [1], {"b": 2}).result(30) == 3
    assert ipc.describe(ipc.submit(calc))["service"] == "calc"


def test_a_stream_is_the_result_of_a_future(calc: Any) -> None:
    stream = ipc.submit(calc).rows(1_000).result(30)
    assert list(stream) == list(range(1_000))


def test_a_generator_among_the_arguments_is_refused_and_closed(calc: Any) -> None:
    closed = []

    def numbers() -> Any:
        try:
            yield 1
        finally:
            closed.append(True)

    given = numbers()
    next(given)
    with pytest.raises(ipc.IpcError, match="takes no generators") as caught:
        ipc.submit(calc).echo([given])
    assert caught.value.code == "invalid_argument"
    assert closed == [True]


def test_closing_the_connection_ends_the_futures(calc: Any) -> None:
    future = ipc.submit(calc).wait()
    ipc.close(calc)
    with pytest.raises(ipc.IpcError) as caught:
        future.result(30)
    assert caught.value.code == "cancelled"


def test_a_service_that_is_killed_ends_the_futures(children: Children, connect: Any) -> None:
    child = children.serve("calc")
    calc = connect("calc")
    futures = [ipc.submit(calc).sleep(60) for _ in range(4)]
    told = threading.Event()
    futures[0].add_done_callback(lambda _: told.set())
    calc.add(1)
    child.kill()
    assert told.wait(30)
    for future in futures:
        error = future.exception(30)
        assert isinstance(error, ipc.Unavailable)


def test_a_future_keeps_its_connection_and_nothing_keeps_the_future_afterwards(calc: Any) -> None:
    twin = ipc.connect("calc")
    future = ipc.submit(twin).add(1)
    del twin
    assert future.result(30) == 1
    kept = weakref.ref(future)
    del future
    gc.collect()
    assert kept() is None


def test_a_future_that_nobody_keeps_is_a_call_all_the_same(calc: Any) -> None:
    done = threading.Event()
    ipc.submit(calc).add(1).add_done_callback(lambda _: done.set())
    gc.collect()
    assert done.wait(30)


def test_handlers_may_submit(serve: Any, connect: Any, calc: Any) -> None:
    serve("outer", {"sums": lambda: sum(each.result(30) for each in [ipc.submit(calc).add(n) for n in range(50)])})
    assert connect("outer").sums() == sum(range(50))


def test_submit_is_of_the_blocking_api(run: Any, serve: Any) -> None:
    serve("calc", {"add": lambda a: a})

    async def main() -> None:
        async with aio.connect("calc") as calc:
            with pytest.raises(ipc.IpcError, match="calls of aio are futures"):
                ipc.submit(calc)  # type: ignore[type-var]

    run(main())


def test_ctrl_c_ends_the_wait_for_a_future(children: Children) -> None:
    children.serve("calc")
    child = children.run("""
        calc = ipc.connect("calc")
        future = ipc.submit(calc).sleep(60)
        say("waiting")
        try:
            future.result()
        except KeyboardInterrupt:
            say("interrupted")
        print(ipc.submit(calc).add(1).result(30), future.cancel(), flush=True)
    """)
    child.expect("waiting")
    time.sleep(0.2)
    child.interrupt()
    child.expect("interrupted")
    child.expect("1 True")


def test_a_process_ends_with_calls_in_flight(children: Children) -> None:
    children.serve("calc")
    child = children.run("""
        calc = ipc.connect("calc")
        futures = [ipc.submit(calc).sleep(60) for _ in range(10)]
        say("done")
    """)
    child.expect("done")
    assert child.rest() == ("", "")
    assert child.returncode == 0


def test_a_forked_child_refuses_the_futures_of_its_parent(children: Children) -> None:
    children.serve("calc")
    child = children.run("""
        calc = ipc.connect("calc")
        future = ipc.submit(calc).sleep(60)
        if os.fork() == 0:
            for act in (lambda: future.result(1), lambda: future.cancel(), lambda: ipc.submit(calc).add(1)):
                try:
                    act()
                except ipc.IpcError as error:
                    say(error.code)
            say(ipc.submit(ipc.connect("calc")).add(2).result(30))
            os._exit(0)
        os.wait()
        print(future.cancel(), flush=True)
    """)
    for _ in range(3):
        child.expect("failed_precondition")
    child.expect("2")
    child.expect("True")
