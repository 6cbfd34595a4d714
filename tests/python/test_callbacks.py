"""Functions and objects of one side that the other calls: what is Python's own. tests/cross has what all pairs do."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from children import Children
from references import shared
from waiting import wait_until

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


class Row:
    def read(self) -> int:
        return 7


def test_an_object_is_freed_when_the_other_side_gives_it_back(serve: Any, connect: Any) -> None:
    serve("rows", {"make": lambda: ipc.proxy(Row())})
    rows = connect("rows")
    for _ in range(1_000):
        with rows.make() as row:
            assert row.read() == 7
    wait_until(lambda: shared() == 0)


def make_two() -> list[Any]:
    return [ipc.proxy(Row()), ipc.retain(len)]


def leave_a_block_of(reference: Any) -> None:
    with reference:
        pass


@pytest.mark.parametrize("give_back", [ipc.close, ipc.release, leave_a_block_of])
def test_who_has_a_function_or_an_object_gives_it_back(give_back: Function, serve: Any, connect: Any) -> None:
    serve("rows", {"make": make_two})
    row, function = connect("rows").make()
    assert (row.read(), function("abc")) == (7, 3)
    for each in (row, function, row):
        give_back(each)
    for call in (row.read, lambda: function("abc")):
        with pytest.raises(ipc.IpcError, match="is gone"):
            call()
    wait_until(lambda: shared() == 0)


def test_under_asyncio_it_is_given_back(serve: Any, run: Any) -> None:
    serve("rows", {"make": make_two})

    async def main() -> None:
        async with aio.connect("rows") as rows:
            row, function = await rows.make()
            assert (await row.read(), await function("abc")) == (7, 3)
            await aio.close(row)
            await aio.close(function)
            for call in (row.read, lambda: function("abc")):
                with pytest.raises(ipc.IpcError, match="is gone"):
                    await call()

    run(main())
    wait_until(lambda: shared() == 0)


def test_the_end_of_the_connection_frees_what_it_was_given(serve: Any, connect: Any) -> None:
    serve("rows", {"make": lambda: ipc.proxy(Row())})
    rows = connect("rows")
    kept = [rows.make() for _ in range(10)]
    assert shared() == 10
    ipc.close(rows)
    wait_until(lambda: shared() == 0)
    with pytest.raises(ipc.IpcError):
        kept[0].read()


def test_a_retained_one_survives_a_service_that_is_killed(children: Children, connect: Any) -> None:
    child = children.serve(
        "calc", "kept = []\nservice['keep'] = lambda f: kept.append(f)\nservice['fire'] = lambda: kept[-1]()"
    )
    calc = connect("calc")
    function = ipc.retain(lambda: "called")
    calc.keep(function)
    assert calc.fire() == "called"
    child.kill()
    child.wait()
    wait_until(lambda: shared() == 0)
    children.serve(
        "calc", "kept = []\nservice['keep'] = lambda f: kept.append(f)\nservice['fire'] = lambda: kept[-1]()"
    )
    calc.keep(function)
    assert calc.fire() == "called"


def test_a_caller_that_is_killed_ends_the_callbacks_that_run(children: Children, serve: Any) -> None:
    failed: list[ipc.IpcError] = []
    all_failed = threading.Event()

    def hold(function: Function) -> None:
        try:
            function()
        except ipc.IpcError as error:
            failed.append(error)
            if len(failed) == 50:
                all_failed.set()

    serve("calc", {"hold": hold}, threads=50)
    child = children.run("""
        running = threading.Semaphore(0)
        def wait():
            running.release()
            time.sleep(1000)
        calc = ipc.connect("calc")
        for _ in range(50):
            threading.Thread(target=lambda: calc.hold(wait), daemon=True).start()
        for _ in range(50):
            running.acquire()
        say("running")
        time.sleep(1000)
    """)
    child.expect("running")
    child.send_signal(signal.SIGKILL)
    assert all_failed.wait(30)
    assert {error.code for error in failed} == {"unavailable"}


def test_ctrl_c_during_a_callback_ends_the_call(children: Children) -> None:
    child = children.run("""
        server = ipc.serve("calc", {"call": lambda function: function()})
        def wait():
            say("running")
            time.sleep(1000)
        with ipc.connect("calc") as calc:
            try:
                calc.call(wait)
            except KeyboardInterrupt:
                say("interrupted")
            say(calc.call(lambda: "goes on"))
        server.close(0)
        say("done")
    """)
    child.expect("running")
    child.interrupt()
    child.expect("interrupted")
    child.expect("goes on")
    child.expect("done")


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


def test_attributes_of_an_object_that_was_passed_on_are_its_owners(serve: Any, connect: Any) -> None:
    class Account:
        balance = 5

        def close(self) -> None: ...

    def change(account: Any) -> Any:
        ipc.set_attribute(account, "balance", 7)
        with pytest.raises(ipc.RemoteError) as caught:
            ipc.get_attribute(account, "limit")
        return ipc.get_attribute(account, "balance"), caught.value.code

    account = Account()
    serve("bank", {"account": lambda: ipc.proxy(account)})
    serve("clerk", {"change": change})
    assert connect("clerk").change(connect("bank").account()) == [7, "not_found"]
    assert account.balance == 7


def test_an_attribute_that_is_read_as_a_local_one_says_how_to_read_it(serve: Any, connect: Any) -> None:
    class Account:
        balance = 5

        def close(self) -> None: ...

    served = Account()
    serve("bank", {"account": lambda: ipc.proxy(served)})
    account = connect("bank").account()
    assert repr(account) == "<remote object: close>"
    with pytest.raises(AttributeError, match=r"^the remote object has no .*; get_attribute\(object, 'balance'\) reads"):
        _ = account.balance
    with pytest.raises(AttributeError, match=r"set_attribute\(object, 'balance', value\) sets"):
        account.balance = 7
    with pytest.raises(AttributeError, match="what can be replaced is a method, by a function"):
        account.close = 7
    assert ipc.get_attribute(account, "balance") == 5


def test_methods_named_as_what_asks_for_attributes_are_not_asked_instead(serve: Any, connect: Any) -> None:
    class Element:
        value = 5

        def get_attribute(self, name: str) -> str:
            return f"the element's {name}"

        def set_attribute(self, name: str, value: Any) -> None: ...

    def ask(element: Any) -> Any:
        ipc.set_attribute(element, "value", 7)
        return ipc.get_attribute(element, "value"), element.get_attribute("value")

    element = Element()
    serve("page", {"element": lambda: ipc.proxy(element)})
    serve("clerk", {"ask": ask})
    assert ask(connect("page").element()) == (7, "the element's value")
    element.value = 5
    assert connect("clerk").ask(connect("page").element()) == [7, "the element's value"]


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
