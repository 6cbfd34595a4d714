"""Functions around calls, on either side."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from either import Run
from middleware_service import SERVICE

import ipcbridge as ipc
from ipcbridge import aio


def test_the_first_of_a_list_is_the_outermost(serve_either: Any, connect: Any) -> None:
    order: list[str] = []

    def named(name: str) -> Any:
        def middleware(call: Any, next: Any) -> Any:
            order.append(name)
            result = next(call)
            order.append(f"/{name}")
            return result

        return middleware

    serve_either("calc", SERVICE, middleware=[named("c"), named("d")])
    assert connect("calc", middleware=[named("a"), named("b")]).add(1, b=2) == 3
    assert order == ["a", "b", "c", "d", "/d", "/c", "/b", "/a"]


def test_it_sees_the_call(serve_either: Any, connect: Any) -> None:
    seen = []

    def look(call: Any, next: Any) -> Any:
        seen.append(
            [call.side, call.service, call.method, call.args, call.kwargs, call.kind, call.metadata]
            + ([call.context.method] if call.context else [])
        )
        return next(call)

    serve_either("calc", {"math": {"add": SERVICE["add"]}}, middleware=look)
    calc = ipc.with_options(connect("calc", middleware=look), metadata={"a": 1})
    assert calc.math.add(1, b=2) == 3
    common = ["calc", "math.add", (1,), {"b": 2}, "call", {"a": 1}]
    assert seen == [["client", *common], ["server", *common, "math.add"]]


def test_it_may_change_arguments_and_metadata(serve_either: Any, connect: Any) -> None:
    def change(call: Any, next: Any) -> Any:
        call.args = tuple(10 * each for each in call.args)
        call.kwargs["b"] = 5
        call.metadata["user"] = "ada"
        return next(call)

    def look(call: Any, next: Any) -> Any:
        return [call.metadata, next(call)]

    serve_either("calc", SERVICE, middleware=look)
    assert connect("calc", middleware=change).add(1) == [{"user": "ada"}, 15]


def test_what_it_puts_in_place_of_the_arguments_is_called_with(serve_either: Any, connect: Any) -> None:
    def change(call: Any, next: Any) -> Any:
        call.args = [*call.args, 5] if call.side == "client" else iter(call.args)
        return next(call)

    serve_either("calc", SERVICE, middleware=change)
    assert connect("calc", middleware=change).add(1) == 6

    def put(name: str, value: Any) -> Any:
        def change(call: Any, next: Any) -> Any:
            setattr(call, name, value)
            return next(call)

        return change

    wrong = (("args", 5), ("args", "ab"), ("args", b"ab"), ("kwargs", 5), ("kwargs", [1]))
    for name, value in wrong:
        with pytest.raises(ipc.IpcError, match=rf"call\.{name} is a (tuple|dict)") as caught:
            connect("calc", middleware=put(name, value)).add(1)
        assert caught.value.code == "invalid_argument"


def test_next_takes_the_call(serve_either: Any, connect: Any) -> None:
    serve_either("calc", SERVICE)
    with pytest.raises(ipc.IpcError, match="takes the call") as caught:
        connect("calc", middleware=lambda call, next: next(call.args)).add(1)
    assert caught.value.code == "invalid_argument"


def test_the_call_tells_what_it_is(serve_either: Any, connect: Any) -> None:
    seen = []

    def look(call: Any, next: Any) -> Any:
        assert isinstance(call, ipc.MiddlewareCall)
        assert call.context is call.context
        assert call.metadata is call.metadata
        seen.append(repr(call))
        return next(call)

    serve_either("calc", SERVICE, middleware=look)
    connect("calc", middleware=look).add(1)
    assert seen == [f"<call of add() of calc, on the {side}>" for side in ("client", "server")]


def test_it_may_answer_by_itself_and_refuse(serve_either: Any, connect: Any) -> None:
    def guard(call: Any, next: Any) -> Any:
        if call.method == "rows":
            raise ipc.IpcError("permission_denied", "not for you", {"method": call.method})
        return "cached" if call.method == "see" else next(call)

    serve_either("calc", SERVICE, middleware=guard)
    calc = connect("calc")
    assert calc.see() == "cached"
    assert calc.add(1) == 1
    with pytest.raises(ipc.RemoteError, match="not for you") as caught:
        calc.rows(3)
    assert (caught.value.code, caught.value.details) == ("permission_denied", {"method": "rows"})
    here = connect("calc", middleware=guard)
    with pytest.raises(ipc.IpcError, match="not for you") as local:
        here.rows(3)
    assert type(local.value) is ipc.IpcError


def test_it_sees_results_and_errors(serve_either: Any, connect: Any) -> None:
    seen = []

    def look(call: Any, next: Any) -> Any:
        try:
            result = next(call)
        except Exception as error:
            seen.append((call.side, type(error).__name__))
            raise
        seen.append((call.side, result))
        return result

    def fail() -> None:
        raise KeyError("x")

    serve_either("calc", {**SERVICE, "fail": fail}, middleware=look)
    calc = connect("calc", middleware=look)
    calc.add(1)
    with pytest.raises(ipc.RemoteError, match="KeyError"):
        calc.fail()
    assert seen == [("server", 1), ("client", 1), ("server", "KeyError"), ("client", "RemoteError")]


def test_streams_pass_and_may_be_wrapped(serve_either: Any, connect: Any) -> None:
    def double(call: Any, next: Any) -> Any:
        items = next(call)
        return (2 * each for each in items) if call.method == "rows" else items

    serve_either("calc", SERVICE, middleware=double)
    calc = connect("calc", middleware=double)
    assert list(calc.rows(4)) == [0, 4, 8, 12]
    assert calc.total(each for each in range(5)) == 10


@pytest.mark.parametrize("side", ["client", "server"])
def test_next_may_be_called_again_for_plain_values_only(serve_either: Any, connect: Any, side: str) -> None:
    failures = [2]

    def flaky(a: int) -> int:
        if failures[0] > 0:
            failures[0] -= 1
            raise ipc.IpcError("aborted", "again")
        return a

    def retry(call: Any, next: Any) -> Any:
        for _ in range(5):
            try:
                return next(call)
            except ipc.IpcError as error:
                if error.code != "aborted":
                    raise
        return None

    around = {"client": None, "server": None, side: retry}
    serve_either("calc", {"flaky": flaky, "total": lambda numbers: flaky(sum(numbers))}, middleware=around["server"])
    calc = connect("calc", middleware=around["client"])
    assert calc.flaky(7) == 7
    failures[0] = 1
    with pytest.raises(ipc.IpcError, match="read once") as caught:
        calc.total(each for each in range(3))
    assert caught.value.code == "failed_precondition"


def test_that_of_a_client_that_serves_is_around_its_calls_alone(serve: Any, connect: Any) -> None:
    sides = []

    def look(call: Any, next: Any) -> Any:
        sides.append(call.side)
        return next(call)

    server = serve("calc", SERVICE)
    calc = connect("calc", serve={"hear": lambda value: value}, middleware=look)
    assert server.peers[0].hear(1) == 1
    assert calc.add(1) == 1
    assert sides == ["client"]


def test_what_it_raises_is_mapped_and_reported_as_what_a_handler_raises(serve_either: Any, connect: Any) -> None:
    told: list[tuple[str, str]] = []
    is_told = threading.Event()

    def broken(_call: Any, _next: Any) -> None:
        raise LookupError("broken")

    def note(error: BaseException, method: str) -> None:
        told.append((method, str(error)))
        is_told.set()

    def mapped(error: BaseException, method: str) -> BaseException:
        return ArithmeticError(f"mapped: {error.args[0]} in {method}")

    serve_either("calc", SERVICE, middleware=broken, map_error=mapped, on_error=note)
    with pytest.raises(ipc.RemoteError, match="mapped: broken in add") as caught:
        connect("calc").add(1)
    assert (caught.value.code, caught.value.type) == ("unknown", "ArithmeticError")
    assert is_told.wait(30)
    assert told == [("add", "mapped: broken in add")]


def test_arguments_that_do_not_fit_are_refused_as_without(serve_either: Any, connect: Any) -> None:
    serve_either("calc", {"f": lambda a: a}, middleware=lambda call, next: next(call))
    with pytest.raises(ipc.RemoteError, match="missing a required argument") as caught:
        connect("calc").f()
    assert caught.value.code == "invalid_argument"


def test_frames_of_the_library_are_left_out_of_tracebacks(serve: Any, connect: Any) -> None:
    def fail() -> None:
        raise KeyError("x")

    def around(call: Any, next: Any) -> Any:
        return next(call)

    serve("calc", {"fail": fail}, middleware=[around, around])
    with pytest.raises(ipc.RemoteError) as caught:
        connect("calc", middleware=around).fail()
    stack = caught.value.remote_traceback or ""
    assert stack.count("in around") == 2
    assert "python/ipcbridge/" not in stack
    entries = [entry.frame.code.path for entry in caught.traceback]
    assert all("python/ipcbridge/" not in str(path) for path in entries)


def test_descriptions_are_those_of_the_methods(serve_either: Any, connect: Any) -> None:
    def add(a: int, b: int = 0) -> int:
        """Adds."""
        return a + b

    def refuse(call: Any, next: Any) -> Any:
        raise AssertionError(call.method)

    serve_either("calc", {"add": add}, middleware=refuse)
    calc = connect("calc", middleware=refuse)
    assert ipc.describe(calc)["methods"]["add"]["doc"] == "Adds."
    assert (calc.add.__name__, calc.add.__doc__) == ("add", "Adds.")
    assert str(calc.add.__signature__) == "(a, b=...)"
    assert calc.add is calc.add


def test_notifications_pass_too(serve_either: Any, connect: Any) -> None:
    seen, told = [], threading.Event()

    def look(call: Any, next: Any) -> Any:
        seen.append((call.side, call.kind))
        return next(call)

    serve_either("calc", {"tell": told.set}, middleware=look)
    assert ipc.notify(connect("calc", middleware=look)).tell() is True
    assert told.wait(30)
    assert seen == [("client", "notification"), ("server", "notification")]


def test_submitted_calls_have_futures_as_their_results(serve: Any, connect: Any) -> None:
    def look(call: Any, next: Any) -> Any:
        call.metadata["a"] = 1
        return "answered" if call.method == "add" else next(call)

    serve("calc", SERVICE)
    submitted = ipc.submit(connect("calc", middleware=look))
    assert submitted.see().result(30) == {"a": 1}
    assert submitted.add(1).result(30) == "answered"


def test_what_is_inherited_is_seen_and_may_be_taken_away(serve: Any, connect: Any) -> None:
    seen = []

    def look(call: Any, next: Any) -> Any:
        seen.append(dict(call.metadata))
        del call.metadata["b"]
        return next(call)

    serve("inner", SERVICE)
    inner = connect("inner", middleware=look)
    serve("outer", {"ask": lambda: inner.see()})
    marked = ipc.with_options(connect("outer"), metadata={"a": 1, "b": 2, "c": 3}, pass_on=["a", "b"])
    assert marked.ask() == {"a": 1}
    assert seen == [{"a": 1, "b": 2}]


@pytest.mark.parametrize("given", [5, "name", [lambda call, next: None, None]], ids=["number", "text", "list"])
def test_what_is_no_middleware_is_refused(serve: Any, connect: Any, given: Any) -> None:
    serve("calc", SERVICE)
    for make in (lambda: ipc.connect("calc", middleware=given), lambda: ipc.serve("x", SERVICE, middleware=given)):
        with pytest.raises(ipc.IpcError, match="middleware is a function") as caught:
            make()
        assert caught.value.code == "invalid_argument"


def one_only(call: Any) -> Any:
    return call


class Wants3:
    def __call__(self, call: Any, next: Any, more: Any) -> Any: ...


@pytest.mark.parametrize("given", [one_only, Wants3(), [lambda *args: None, lambda: None]], ids=["1", "3", "none"])
def test_middleware_that_does_not_take_a_call_and_what_comes_next_is_refused(serve: Any, run: Run, given: Any) -> None:
    serve("calc", SERVICE)

    async def connect() -> None:
        await aio.connect("calc", middleware=given)

    for make in (
        lambda: ipc.connect("calc", middleware=given),
        lambda: ipc.serve("x", SERVICE, middleware=given),
        lambda: run(connect()),
    ):
        with pytest.raises(ipc.IpcError, match=r"takes the call and what comes next, \(call, next\), and ") as caught:
            make()
        assert caught.value.code == "invalid_argument"
