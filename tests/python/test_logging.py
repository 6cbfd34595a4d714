"""What the serving side logs: after the answer, and without keeping anybody waiting."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from children import Children

import ipcbridge as ipc
from ipcbridge._process import log as _log

LONG = "it begins" + "x" * 10_000_000 + "it ends"


class Blocked(logging.Handler):
    """A log that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.lines: list[str] = []
        self.changed = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        self.go_on.wait()
        with self.changed:
            self.lines.append(record.getMessage())
            self.changed.notify_all()

    def wait_for(self, text: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: any(text in line for line in self.lines), 60), self.lines


@pytest.fixture
def blocked() -> Iterator[Blocked]:
    handler, logger = Blocked(), logging.getLogger("ipcbridge")
    logger.addHandler(handler)
    yield handler
    handler.go_on.set()
    _log.flush(60)
    logger.removeHandler(handler)


def fail() -> None:
    raise ValueError("x")


async def fail_async() -> None:
    fail()


@pytest.mark.parametrize("method", ["fail", "fail_async"])
def test_a_log_that_blocks_keeps_no_call_waiting(
    method: str, serve_either: Any, connect: Any, blocked: Blocked
) -> None:
    serve_either("calc", {"fail": fail, "fail_async": fail_async, "ok": lambda: 1}, threads=2)
    calc = ipc.with_options(connect("calc"), timeout=60)
    for _ in range(20):
        with pytest.raises(ipc.RemoteError, match="ValueError: x"):
            getattr(calc, method)()
    assert calc.ok() == 1
    assert blocked.lines == []
    blocked.go_on.set()
    blocked.wait_for(f"{method}() failed")


def test_what_a_blocked_log_cannot_hold_is_counted(serve: Any, connect: Any, blocked: Blocked) -> None:
    serve("calc", {"fail": fail})
    calc = connect("calc")
    for _ in range(1100):
        with pytest.raises(ipc.RemoteError):
            calc.fail()
    blocked.go_on.set()
    blocked.wait_for("messages were left out")


def test_a_service_whose_stderr_nobody_reads_goes_on(children: Children, connect: Any) -> None:
    children.serve("calc", "def fail(): raise ValueError('x' * 2000)\nservice['fail'] = fail")
    calc = ipc.with_options(connect("calc"), timeout=60)
    for _ in range(200):  # some 200 KB; a pipe holds 64
        with pytest.raises(ipc.RemoteError):
            calc.fail()
    assert calc.add(1) == 1


def test_the_caller_has_the_answer_before_on_error_is_called(serve_either: Any, connect: Any) -> None:
    go_on, called = threading.Event(), threading.Event()

    def on_error(_error: BaseException, _method: str) -> None:
        called.set()
        go_on.wait(60)

    serve_either("calc", {"fail": fail}, on_error=on_error)
    with pytest.raises(ipc.RemoteError):
        connect("calc").fail()
    assert called.wait(60)
    go_on.set()


def test_a_log_line_is_written_in_the_context_of_its_call(serve: Any, connect: Any, blocked: Blocked) -> None:
    request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")

    def fail_with_id() -> None:
        request.set("id 7")
        raise ValueError("x")

    def add_request(record: logging.LogRecord) -> bool:
        record.msg = f"{request.get()}: {record.msg}"
        return True

    blocked.addFilter(add_request)
    blocked.go_on.set()
    serve("calc", {"fail_with_id": fail_with_id})
    with pytest.raises(ipc.RemoteError):
        connect("calc").fail_with_id()
    blocked.wait_for("id 7: ")


def logged(fail: Any, serve: Any, connect: Any, blocked: Blocked) -> list[logging.LogRecord]:
    """What is logged of a notified call that fails."""
    records: list[logging.LogRecord] = []
    blocked.addFilter(lambda record: records.append(record) or True)
    blocked.go_on.set()
    serve("calc", {"fail": fail})
    assert ipc.notify(connect("calc")).fail()
    blocked.wait_for("fail() failed")
    return records


@pytest.mark.parametrize("kind", ["raised", "notified"])
def test_of_a_long_error_the_log_leaves_out_the_middle(kind: str, serve: Any, connect: Any, blocked: Blocked) -> None:
    def fail() -> None:
        raise ValueError(LONG) if kind == "raised" else ipc.IpcError("not_found", LONG)

    (record,) = logged(fail, serve, connect, blocked)
    line = logging.Formatter().format(record)
    assert len(line) < 100_000
    assert "it begins" in line
    assert "[...]" in line
    assert line.endswith("it ends")
    assert kind == "notified" or (record.exc_info and str(record.exc_info[1]) == LONG)


class Unprintable(ipc.IpcError):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class UnprintableValue(ValueError):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "error", [Unprintable("internal", "x"), UnprintableValue()], ids=lambda each: type(each).__name__
)
def test_an_error_that_cannot_be_printed_is_logged_all_the_same(
    error: Exception, serve: Any, connect: Any, blocked: Blocked
) -> None:
    def fail() -> None:
        raise error

    serve("calc", {"fail": fail})
    ipc.notify(connect("calc")).fail()
    blocked.go_on.set()
    blocked.wait_for("fail()")


def test_formatters_show_other_errors_as_they_like(
    serve: Any, connect: Any, blocked: Blocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the first formatter makes of an error the record keeps for the next.
    monkeypatch.setattr(logging.getLogger("ipcbridge"), "propagate", False)

    class Short(logging.Formatter):
        def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
            return f"<{ei[1]}>"

    (record,) = logged(fail, serve, connect, blocked)
    assert Short().format(record).endswith("<x>")


@pytest.mark.parametrize("method", ["add", "add_async"])
def test_a_notification_whose_arguments_do_not_fit_is_logged(
    method: str, serve_either: Any, connect: Any, blocked: Blocked
) -> None:
    def add(a: int, b: int) -> int:
        return a + b

    async def add_async(a: int, b: int) -> int:
        return a + b

    blocked.go_on.set()
    serve_either("calc", {"add": add, "add_async": add_async})
    calc = connect("calc")
    with pytest.raises(ipc.RemoteError, match="missing a required argument"):
        getattr(calc, method)(1)
    assert getattr(ipc.notify(calc), method)(1, c=2) is True
    blocked.wait_for(f"a notification of {method}() failed: {method}(a")
    assert len(blocked.lines) == 1


def test_a_result_that_cannot_be_sent_is_logged_and_the_service_s_fault(
    serve_either: Any, connect: Any, blocked: Blocked
) -> None:
    async def asynchronous() -> Any:
        return {"items": [1, object()]}

    blocked.go_on.set()
    serve_either("calc", {"plain": lambda: {"items": [1, object()]}, "asynchronous": asynchronous})
    for method in ("plain", "asynchronous"):
        with pytest.raises(ipc.RemoteError, match=r"result\.items\[1\]") as caught:
            getattr(connect("calc"), method)()
        assert caught.value.code == "internal"
        blocked.wait_for(f"{method}() failed")
