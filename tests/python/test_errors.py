from __future__ import annotations

import itertools
import logging
import os
import queue
import time
from pathlib import Path
from typing import Any

import numpy
import pytest

import ipcbridge as ipc


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def raises(error: BaseException) -> Any:
    def handler() -> None:
        raise error

    return handler


def wait_for_log(caplog: pytest.LogCaptureFixture) -> None:
    """The answer leaves before it."""
    while not caplog.records:
        time.sleep(0.001)


def ignore(_error: BaseException, _method: str) -> None: ...


def caught_from(proxy: Any, *args: Any, **kwargs: Any) -> ipc.RemoteError:
    with pytest.raises(ipc.RemoteError) as caught:
        proxy.fail(*args, **kwargs)
    return caught.value


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ValueError("bad"), "ValueError"),
        (StopIteration("bad"), "StopIteration"),
        (SystemExit("bad"), "SystemExit"),
        (KeyboardInterrupt("bad"), "KeyboardInterrupt"),
        (GeneratorExit("bad"), "GeneratorExit"),
        (TimeoutError("bad"), "TimeoutError"),
        (ConnectionError("bad"), "ConnectionError"),
    ],
)
def test_whatever_a_handler_raises_reaches_the_caller(
    error: BaseException, name: str, serve: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    serve("calc", {"fail": raises(error), "add": lambda a: a})
    calc = connect("calc")
    received = caught_from(calc)
    assert (received.type, str(received), received.code) == (name, f"{name}: bad", "unknown")
    assert "test_errors.py" in (received.remote_traceback or "")
    assert not isinstance(received, (TimeoutError, ConnectionError))
    assert calc.add(1) == 1


def test_an_unexpected_exception_is_logged_where_it_happened(
    serve: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    serve("calc", {"fail": raises(ValueError("bad"))})
    with caplog.at_level(logging.ERROR, "ipcbridge"):
        caught_from(connect("calc"))
        wait_for_log(caplog)
    assert [(record.name, record.exc_info is not None) for record in caplog.records] == [("ipcbridge", True)]
    assert "fail()" in caplog.text


def test_on_error_hears_of_exceptions_instead_of_the_log(
    serve: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    heard: queue.SimpleQueue[tuple[BaseException, str]] = queue.SimpleQueue()
    serve("calc", {"fail": raises(ValueError("bad"))}, on_error=lambda error, method: heard.put((error, method)))
    caught_from(connect("calc"))  # the answer comes first
    error, method = heard.get(timeout=60)
    assert (type(error), method) == (ValueError, "fail")
    assert heard.empty()
    assert not caplog.records


def test_an_ipc_error_sets_the_code_and_is_not_logged(
    serve: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    serve("calc", {"fail": raises(ipc.IpcError("not_found", "no such user", {"id": 7}))})
    received = caught_from(connect("calc"))
    assert (received.code, str(received), received.details) == ("not_found", "no such user", {"id": 7})
    assert not caplog.records


def test_an_error_of_a_registered_class_is_meant_for_the_caller_and_not_logged(serve: Any, connect: Any) -> None:
    @ipc.register_error(name="test_errors.Meant")
    class Meant(Exception):
        pass

    def rows() -> Any:
        yield 1
        raise Meant("in a stream")

    heard: queue.SimpleQueue[BaseException] = queue.SimpleQueue()
    target = {"meant": raises(Meant("so")), "rows": rows, "fail": raises(ValueError("bad"))}
    serve("calc", target, on_error=lambda error, _method: heard.put(error))
    calc = connect("calc")
    with pytest.raises(Meant):
        calc.meant()
    with pytest.raises(Meant):
        list(calc.rows())
    caught_from(calc)
    assert type(heard.get(timeout=60)) is ValueError
    ipc.notify(calc).meant()  # which nobody else would hear of
    calc.rows().close()
    assert heard.empty()


def test_a_remote_timeout_is_not_this_sides_timeout(serve: Any, connect: Any) -> None:
    serve("calc", {"fail": raises(ipc.DeadlineExceeded("theirs"))})
    received = caught_from(connect("calc"))
    assert received.code == "deadline_exceeded"
    assert not isinstance(received, TimeoutError)


def test_the_cause_chain_arrives(serve: Any, connect: Any) -> None:
    def fail() -> None:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError("outer") from inner

    serve("calc", {"fail": fail}, on_error=lambda *_: None)
    received = caught_from(connect("calc"))
    assert isinstance(received.__cause__, ipc.RemoteError)
    assert (received.type, received.__cause__.type) == ("ValueError", "KeyError")


def test_an_exception_whose_str_raises_arrives(serve: Any, connect: Any) -> None:
    serve("calc", {"fail": raises(Silent())}, on_error=lambda *_: None)
    assert caught_from(connect("calc")).type == "Silent"


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"c": 1}), ((1, 2), {"b": 3})], ids=str)
def test_arguments_that_do_not_fit_are_refused_with_the_signature(
    args: tuple[Any, ...], kwargs: dict[str, Any], serve: Any, connect: Any
) -> None:
    serve("calc", {"fail": lambda a, b=0: a + b})
    received = caught_from(connect("calc"), *args, **kwargs)
    assert received.code == "invalid_argument"
    assert "fail(a, b=0)" in str(received)


def test_a_type_error_inside_of_a_handler_is_its_own(serve: Any, connect: Any) -> None:
    serve("calc", {"fail": lambda a: a + "text"}, on_error=lambda *_: None)
    received = caught_from(connect("calc"), 1)
    assert (received.code, received.type) == ("unknown", "TypeError")


def test_an_argument_that_cannot_be_sent_is_refused_here_with_its_path(serve: Any, connect: Any) -> None:
    serve("calc", {"echo": lambda x: x})
    with pytest.raises(ipc.IpcError, match=r"args\[0\]\.items\[1\]") as caught:
        connect("calc").echo({"items": [1, object()]})
    assert caught.value.code == "invalid_argument"
    assert not isinstance(caught.value, ipc.RemoteError)


def test_a_result_that_cannot_be_sent_is_told_with_its_path(serve: Any, connect: Any) -> None:
    serve("calc", {"fail": lambda: {"items": [1, object()]}})
    received = caught_from(connect("calc"))
    assert received.code == "internal"
    assert "result.items[1]" in str(received)


TOO_MANY = [0] * 2**23


@pytest.mark.parametrize(
    ("value", "code"),
    [(numpy.array([object()]), "internal"), (TOO_MANY, "resource_exhausted")],
    ids=["array", "too many"],
)
def test_what_cannot_be_sent_has_one_code_as_a_result_and_as_an_item(
    serve_either: Any, connect: Any, value: Any, code: str
) -> None:
    serve_either("calc", {"fail": lambda: value, "items": lambda: (each for each in [value])}, on_error=ignore)
    calc = connect("calc")
    result = caught_from(calc)
    with pytest.raises(ipc.RemoteError) as caught:
        list(calc.items())
    assert (result.code, caught.value.code) == (code, code)
    assert result.message.startswith("fail() returned what cannot be sent: ")
    assert caught.value.message.startswith("items() yielded what cannot be sent: ")


class Tensor:
    """Of a package whose memory is on another device."""

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __dlpack__(self, **_: Any) -> Any:
        raise BufferError("it is not here")


def test_why_a_result_cannot_be_read_is_its_cause(serve_either: Any, connect: Any) -> None:
    serve_either("calc", {"fail": lambda: Tensor()}, on_error=ignore)
    received = caught_from(connect("calc"))
    assert received.code == "internal"
    cause = received.__cause__
    assert isinstance(cause, ipc.RemoteError)
    assert (cause.type, cause.message) == ("BufferError", "it is not here")


def test_an_unknown_method_is_unimplemented_and_names_what_is_alike(serve: Any, connect: Any) -> None:
    serve("calc", {"multiply": lambda a: a})
    calc = connect("calc")
    with pytest.raises(ipc.IpcError, match="multiply") as caught:
        ipc.call(calc, "multiplyy", [1])
    assert caught.value.code == "unimplemented"


def test_names_that_the_service_does_not_offer_are_not_kept(serve: Any, connect: Any) -> None:
    serve("calc", {"echo": lambda x: x})
    calc = connect("calc")
    page = os.sysconf("SC_PAGE_SIZE")
    numbers = itertools.count()

    def call_what_is_not_there() -> float:
        for _ in range(3000):
            with pytest.raises(ipc.IpcError):
                ipc.call(calc, f"{next(numbers)}{'x' * 10_000}")
        return int(Path("/proc/self/statm").read_text().split()[1]) * page / 1e6

    before = call_what_is_not_there()
    after = call_what_is_not_there()
    assert after - before < 30, f"{before} MB, then {after} MB"


def test_a_message_over_the_limit_is_refused_by_the_sender(serve: Any, connect: Any) -> None:
    serve("calc", {"echo": lambda x: x}, limits={"max_message_bytes": 100_000})
    calc = connect("calc")
    with pytest.raises(ipc.IpcError) as caught:
        calc.echo(b"x" * 200_000)
    assert caught.value.code in ("resource_exhausted", "invalid_argument")
    assert calc.echo(1) == 1


def test_an_unknown_limit_is_refused() -> None:
    with pytest.raises(ipc.IpcError, match="max_message_bytes"):
        ipc.serve("calc", {"f": len}, limits={"max": 1})


def test_repr_has_the_code() -> None:
    assert repr(ipc.IpcError("not_found", "no such user")) == "IpcError('no such user', code='not_found')"
    assert repr(ipc.Unavailable("gone")) == "Unavailable('gone', code='unavailable')"


def test_an_error_without_a_message_tells_its_type(serve: Any, connect: Any) -> None:
    serve("calc", {"fail": raises(KeyError())})
    error = caught_from(connect("calc"))
    assert str(error) == "KeyError"
    assert error.args == ("",)
    assert repr(error) == "RemoteError('', type='KeyError', code='unknown')"


def test_an_error_passed_on_has_no_message_made_up(serve: Any, connect: Any) -> None:
    serve("inner", {"fail": raises(KeyError())})
    serve("outer", {"fail": connect("inner").fail})
    assert caught_from(connect("outer")).args == ("",)
