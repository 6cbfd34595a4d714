"""map_error, expose_errors and registered classes, through services."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest
from either import Run

import ipcbridge as ipc
from ipcbridge import aio


class NotFound(Exception):
    def __init__(self, what: str) -> None:
        super().__init__(f"no {what}")
        self.what = what


ipc.register_error(NotFound, "test_error_options.NotFound")


def fail(kind: str = "key") -> None:
    if kind == "own":
        raise NotFound("user")
    if kind == "ipc":
        raise ipc.IpcError("aborted", "stop", {"a": 1})
    raise KeyError("x")


def rows() -> Any:
    yield 1
    raise KeyError("x")


async def later() -> None:
    raise KeyError("x")


SERVICE = {"fail": fail, "rows": rows, "later": later, "add": lambda a: a}


def test_map_error_gives_the_error_that_callers_get(serve_either: Any, connect: Any) -> None:
    seen: list[Any] = []
    reported: list[Any] = []

    def map_error(error: BaseException, method: str) -> BaseException | None:
        seen.append((type(error).__name__, method))
        return ipc.IpcError("not_found", "no such thing") if isinstance(error, KeyError) else None

    options = {"map_error": map_error, "on_error": lambda error, method: reported.append(method)}
    serve_either("calc", SERVICE, **options)
    calc = connect("calc")
    for call in (calc.fail, calc.later, lambda: list(calc.rows())):
        with pytest.raises(ipc.RemoteError, match="no such thing") as caught:
            call()
        assert caught.value.code == "not_found"
    with pytest.raises(ipc.RemoteError, match="stop"):
        calc.fail("ipc")
    with pytest.raises(ipc.RemoteError, match="missing a required argument"):
        calc.add()
    assert seen == [("KeyError", "fail"), ("KeyError", "later"), ("KeyError", "rows"), ("IpcError", "fail")]
    assert reported == []


def test_what_a_handler_lets_through_is_reported_only_where_it_was_raised(
    serve: Any, serve_either: Any, connect: Any
) -> None:
    there: list[str] = []
    here: list[str] = []
    serve("inner", SERVICE, on_error=lambda error, method: there.append(method))
    inner = connect("inner")

    def relayed() -> Any:
        yield 1
        inner.fail()

    def own() -> None:
        raise KeyError("of its own")

    outer_service = {"relay": inner.fail, "relayed": relayed, "own": own}
    all_reported = threading.Event()

    def report(error: BaseException, method: str) -> None:
        here.append(method)
        if method == "own":
            all_reported.set()

    serve_either("outer", outer_service, serial=True, on_error=report)
    outer = connect("outer")
    with pytest.raises(NotFound):
        outer.relay("own")
    with pytest.raises(ipc.RemoteError, match="KeyError: 'x'"):
        outer.relay("key")
    with pytest.raises(ipc.RemoteError, match="KeyError: 'x'"):
        list(outer.relayed())
    with pytest.raises(ipc.RemoteError, match="of its own"):
        outer.own()
    assert all_reported.wait(60)
    assert here == ["own"]
    assert there == ["fail", "fail"]


@pytest.mark.parametrize("map_error", [lambda error, method: 1 // 0, lambda error, method: "odd"])
def test_a_map_error_that_fails_is_logged_and_the_error_stays(
    serve: Any, connect: Any, map_error: Any, caplog: pytest.LogCaptureFixture
) -> None:
    serve("calc", SERVICE, map_error=map_error, on_error=lambda error, method: None)
    with pytest.raises(ipc.RemoteError, match="KeyError: 'x'"):
        connect("calc").fail()
    from ipcbridge._process import log

    log.flush()
    assert "map_error failed" in caplog.text


def test_errors_that_are_not_exposed_keep_what_they_carry_at_home(serve_either: Any, connect: Any) -> None:
    serve_either("calc", SERVICE, expose_errors=False, on_error=lambda error, method: None)
    calc = connect("calc")
    with pytest.raises(ipc.RemoteError) as caught:
        calc.fail()
    error = caught.value
    assert (error.type, error.message, error.code) == ("KeyError", "'x'", "unknown")
    assert (error.remote_traceback, error.attributes, error.__cause__) == (None, {}, None)
    with pytest.raises(ipc.RemoteError) as caught:
        calc.fail("ipc")
    assert (caught.value.code, caught.value.details) == ("aborted", {"a": 1})
    with pytest.raises(ipc.RemoteError) as caught:
        list(calc.rows())
    assert caught.value.remote_traceback is None


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"map_error": 5}, "map_error is a function"),
        ({"map_error": later}, "map_error is a plain function"),
        ({"expose_errors": 1}, "expose_errors is True or False"),
    ],
)
def test_other_values_are_refused(options: Any, why: str) -> None:
    with pytest.raises(ipc.IpcError, match=why) as caught:
        ipc.serve("calc", SERVICE, **options)
    assert caught.value.code == "invalid_argument"


def test_a_registered_class_arrives_as_itself(serve_either: Any, connect: Any) -> None:
    serve_either("calc", SERVICE, on_error=lambda error, method: None)
    calc = connect("calc")
    for call in (calc.fail, lambda kind: ipc.submit(calc).fail(kind).result(30)):
        with pytest.raises(NotFound, match="no user") as caught:
            call("own")
        assert caught.value.what == "user"
        assert "in fail" in vars(caught.value)["remote_traceback"]


def test_a_registered_class_arrives_as_itself_on_event_loops(serve_either: Any, run: Run) -> None:
    def broken() -> Any:
        yield 1
        raise NotFound("row")

    async def broken_later() -> Any:
        yield 1
        raise NotFound("row")

    async def ask(function: Any) -> Any:
        """What the caller's function has raised, as it came here, and on to the caller."""
        with pytest.raises(NotFound) as caught:
            await function("user")
        assert caught.value.what == "user"
        await function("other user")

    service = {"fail": fail, "broken": broken, "broken_later": broken_later, "ask": ask}
    serve_either("calc", service, on_error=lambda error, method: None)

    def refuse(what: str) -> None:
        raise NotFound(what)

    async def main() -> None:
        async with aio.connect("calc") as calc:
            with pytest.raises(NotFound, match="no user") as caught:
                await calc.fail("own")
            assert caught.value.what == "user"
            for stream in (calc.broken(), calc.broken_later()):
                with pytest.raises(NotFound, match="no row"):
                    [item async for item in stream]
            with pytest.raises(NotFound, match="no other user"):
                await calc.ask(refuse)

    run(main())


def test_one_stack_tells_of_all_processes(serve: Any, connect: Any) -> None:
    serve("inner", SERVICE, on_error=lambda error, method: None)
    inner = connect("inner")

    def pass_on() -> None:
        inner.fail()

    serve("outer", {"pass_on": pass_on}, on_error=lambda error, method: None)
    with pytest.raises(ipc.RemoteError) as caught:
        connect("outer").pass_on()
    stack = caught.value.remote_traceback or ""
    assert caught.value.type == "KeyError"
    assert stack.index("in pass_on") < stack.index("in fail")
    assert stack.count("[python] File") == 2
    if sys.version_info >= (3, 11):
        assert caught.value.__notes__ == [f"Remote traceback:\n{stack}"]
