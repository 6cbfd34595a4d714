"""Functions and objects of one side that the other calls: what is Python's own. tests/cross has what all pairs do."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from children import Children
from references import shared

import ipcbridge as ipc
from ipcbridge import aio

Function = Callable[..., Any]


class Service:
    """Calls what it is passed."""

    def __init__(self) -> None:
        self.kept: Any = None
        self.may_return = threading.Event()

    def call(self, function: Function, *args: Any) -> Any:
        return function(*args)

    def each(self, count: int, function: Function) -> int:
        return sum(1 for number in range(count) if function(number) is None)

    def nested(self, values: dict[str, list[Function]]) -> list[Any]:
        return [function() for function in values["functions"]]

    def notify(self, function: Function) -> None:
        for number in range(3):
            ipc.notify(function)(number)

    def call_with_metadata(self, function: Function) -> Any:
        return ipc.with_options(function, metadata={"tenant": 7})()

    def keep(self, function: Function) -> None:
        self.kept = function

    def in_a_thread(self, function: Function) -> Any:
        results: list[Any] = []
        thread = threading.Thread(target=lambda: results.append(function(1)))
        thread.start()
        thread.join()
        return results[0]

    def later(self, count: int, function: Function) -> Iterator[Any]:
        for number in range(count):
            yield function(number)

    def return_function(self) -> Any:
        return len

    async def on_the_loop(self, function: Any) -> Any:
        return await function(2)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def calc(serve_either: Any, connect: Any, service: Service) -> Any:
    serve_either("calc", service)
    return connect("calc")


def test_it_runs_on_the_thread_that_waits_in_its_context(calc: Any) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("seen")
    assert calc.call(lambda: (threading.get_ident(), variable.get())) == [threading.get_ident(), "seen"]
    assert shared() == 0


@pytest.mark.parametrize(
    "function",
    [len, "".join, functools.partial(len, "ab"), lambda *_: 7, Service().call],
    ids=["builtin", "method of a builtin", "partial", "lambda", "bound method"],
)
def test_what_is_a_function(calc: Any, function: Any) -> None:
    argument = {"ab": [], "x": []}
    args = [] if isinstance(function, functools.partial) else [len if function.__name__ == "call" else [*argument]]
    if function == Service().call or getattr(function, "__name__", "") == "call":
        args = [lambda: 7]
    assert calc.call(function, *args) == function(*args)


def test_functions_within_values(calc: Any) -> None:
    assert calc.nested({"functions": [lambda: 1, lambda: "two"]}) == [1, "two"]


def test_a_function_is_one_wherever_in_a_call_it_is_passed(serve_either: Any, connect: Any) -> None:
    def distinct(functions: list[Function], others: dict[str, Function]) -> int:
        return len({id(function) for function in (*functions, *others.values())})

    class Account:
        def close(self) -> None: ...

    serve_either("calc", {"distinct": distinct})
    calc = connect("calc")
    account, other = Account(), Account()
    close = functools.partial(account.close)
    # A bound method is another object each time, and the same function.
    assert calc.distinct([account.close, close, other.close], {"a": account.close, "b": close}) == 3
    assert shared() == 0


def test_its_exception_reaches_the_caller_with_its_type(calc: Any) -> None:
    def refuse() -> None:
        raise ipc.IpcError("not_found", "no such row", details={"row": 7})

    with pytest.raises(ipc.RemoteError) as caught:
        calc.call(refuse)
    assert (caught.value.code, caught.value.message) == ("not_found", "no such row")
    assert calc.call(lambda: 1) == 1


def test_a_callback_calls_the_service_again_and_so_on(calc: Any) -> None:
    def down(depth: int) -> int:
        return 0 if depth == 0 else 1 + int(calc.call(down, depth - 1))

    assert calc.call(down, 5) == 5  # as many as the service has threads for, with some left


def test_a_handler_on_another_thread_calls_it(calc: Any) -> None:
    assert calc.in_a_thread(lambda value: value + 1) == 2


def test_an_async_handler_awaits_it(calc: Any) -> None:
    assert calc.on_the_loop(lambda value: value + 1) == 3


def test_it_lives_as_long_as_the_streams_of_the_result(calc: Any, service: Service) -> None:
    stream = calc.later(1000, lambda number: number * 2)
    assert sum(stream) == 999_000
    assert shared() == 0


def test_a_stream_that_a_callback_began_is_read_when_its_call_is_over(calc: Any) -> None:
    kept: list[Any] = []

    def begin() -> None:
        kept.append(calc.later(3000, lambda number: number))

    calc.call(begin)
    calc.call(lambda: None)
    assert sum(kept[0]) == 4_498_500


def test_a_function_in_a_result_says_what_to_write(calc: Any) -> None:
    with pytest.raises(ipc.RemoteError, match=r"send ipc\.retain\(function\)"):
        calc.return_function()


def test_a_notification_passes_no_function(calc: Any) -> None:
    with pytest.raises(ipc.IpcError, match=r"pass ipc\.retain\(function\)") as caught:
        ipc.notify(calc).keep(lambda: 1)
    assert caught.value.code == "invalid_argument"
    assert shared() == 0


def test_a_submitted_call_passes_retained_functions_only(calc: Any, service: Service) -> None:
    with pytest.raises(ipc.IpcError, match=r"send ipc\.retain\(function\)"):
        ipc.submit(calc).keep(len)
    with ipc.retain(lambda: "kept") as function:
        ipc.submit(calc).keep(function).result(30)
        assert service.kept() == "kept"
    assert shared() == 0


def test_what_is_no_function_is_refused() -> None:
    for wrong in (1, "x", Service):
        with pytest.raises(ipc.IpcError, match="takes a function"):
            ipc.retain(wrong)  # type: ignore[arg-type]
    for nothing in (1, object()):
        with pytest.raises(ipc.IpcError):
            ipc.proxy(nothing)


def test_a_failed_call_leaves_nothing_behind(calc: Any) -> None:
    for value in (object(), 1j):
        with pytest.raises(ipc.IpcError):
            calc.call(lambda: 1, value)
    with pytest.raises(ipc.IpcError):
        ipc.with_options(calc, timeout=0).call(lambda: 1)
    assert shared() == 0


def test_it_is_called_with_options_and_notified_as_methods_are(calc: Any) -> None:
    told: list[int] = []
    all_told = threading.Event()

    def note(number: int) -> None:
        told.append(number)
        if len(told) == 3:
            all_told.set()

    retained = ipc.retain(note)
    calc.notify(retained)
    assert all_told.wait(30)
    assert sorted(told) == [0, 1, 2]

    def metadata() -> Any:
        return ipc.context().metadata

    assert calc.call_with_metadata(metadata) == {"tenant": 7}


def test_handlers_on_the_loop_wait_for_callbacks_without_a_thread_each(serve: Any, run: Any) -> None:
    many = 200

    async def hold(function: Any) -> Any:
        return await function()

    serve("calc", {"hold": hold})

    async def main() -> None:
        begun = 0
        all_begun = asyncio.Event()

        async def gate() -> int:
            nonlocal begun
            begun += 1
            if begun == many:
                all_begun.set()
            await all_begun.wait()
            return 1

        async with aio.connect("calc") as calc:
            assert await asyncio.gather(*(calc.hold(gate) for _ in range(many))) == [1] * many

    run(main())


def test_under_asyncio_they_run_on_the_loop(serve: Any, run: Any) -> None:
    serve("calc", Service())

    async def main() -> None:
        thread = threading.get_ident()
        async with aio.connect("calc") as calc:
            assert await calc.call(threading.get_ident) == thread
            assert [number async for number in calc.later(3, lambda number: number)] == [0, 1, 2]
            with aio.retain(lambda: "kept") as function:
                await calc.keep(function)

    run(main())


def test_a_call_back_that_is_not_answered_in_time_is_named_by_its_error(serve: Any, connect: Any, run: Any) -> None:
    class Account:
        def pay(self) -> None:
            ipc.context().cancellation.wait()

    def late(call: Function) -> str:
        with pytest.raises(ipc.DeadlineExceeded) as caught:
            call()
        return caught.value.message.partition(";")[0]

    async def late_on_the_loop(function: Function) -> str:
        with pytest.raises(ipc.DeadlineExceeded) as caught:
            await ipc.with_options(function, timeout=0.02)()
        return caught.value.message.partition(";")[0]

    handlers = {
        "call": lambda function: late(ipc.with_options(function, timeout=0.02)),
        "await_": late_on_the_loop,
        "pay": lambda account: late(ipc.with_options(account, timeout=0.02).pay),
        "account": lambda: ipc.proxy(account),
    }
    account = Account()
    serve("calc", handlers)
    calc = connect("calc")
    assert calc.call(account.pay) == "callback() was not answered before its deadline"
    assert calc.await_(account.pay) == "callback() was not answered before its deadline"
    assert calc.pay(ipc.proxy(account)) == "pay() was not answered before its deadline"

    async def main() -> None:
        async with aio.connect("calc") as calc:
            with pytest.raises(ipc.DeadlineExceeded, match=r"^pay\(\) was not answered before its deadline"):
                await aio.with_options(await calc.account(), timeout=0.02).pay()

    run(main())


def test_a_function_that_is_passed_on_is_called_through_the_process_between(children: Children, connect: Any) -> None:
    children.serve("end", "service['call'] = lambda function, x: function(x)")
    children.serve(
        "between",
        """
        end = ipc.connect("end")
        kept = []
        service["call"] = lambda function, x: end.call(function, x)
        service["keep"] = lambda function: kept.append(function)
        service["call_kept"] = lambda x: end.call(kept[0], x)
        """,
    )
    between = connect("between")
    called_in = []

    def double(x: int) -> int:
        called_in.append(os.getpid())
        return 2 * x

    assert between.call(double, 4) == 8
    with ipc.retain(double) as function:
        between.keep(function)
        assert between.call_kept(5) == 10
    assert called_in == [os.getpid()] * 2


def test_errors_about_what_is_called_back_name_it(serve: Any, connect: Any) -> None:
    class Account:
        def close(self) -> None: ...

    def double(x: int) -> int:
        return 2 * x

    def call(function: Any) -> str:
        with pytest.raises(ipc.RemoteError) as caught:
            function(1, 2, 3)
        assert caught.value.code == "invalid_argument"
        return caught.value.message

    serve("calc", {"call": call, "close": lambda account: call(account.close)})
    calc = connect("calc")
    assert calc.call(double).startswith("double(x: ")
    assert calc.call(lambda x: x).startswith("callback(x): ")
    assert calc.close(ipc.proxy(Account())).startswith("close() -> ")
