"""The error types, and the payload of an error reply."""

from __future__ import annotations

import asyncio
import builtins
import copy
import pickle
import random
import sys
from typing import Any

import pytest
from value_notation import mutated

from ipcbridge import _registered
from ipcbridge._errors import DeadlineExceeded, IpcError, RemoteError, Unavailable, error_from_code
from ipcbridge._registered import register_error
from ipcbridge._values import decode_error, encode_error, encode_result


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def arrive(error: BaseException, *, exposed: bool = True) -> RemoteError:
    arrived = decode_error(encode_error(error, exposed=exposed))
    assert isinstance(arrived, RemoteError)
    return arrived


def chain(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *chain(error.__cause__)]


def test_classes_by_code() -> None:
    deadline = error_from_code("deadline_exceeded", "late", sent="maybe")
    assert isinstance(deadline, DeadlineExceeded)
    assert isinstance(deadline, TimeoutError)
    assert (deadline.code, deadline.sent, str(deadline), deadline.errno) == ("deadline_exceeded", "maybe", "late", None)
    lost = error_from_code("unavailable", "gone")
    assert isinstance(lost, Unavailable)
    assert isinstance(lost, ConnectionError)
    assert type(error_from_code("aborted", "x")) is IpcError
    with pytest.raises(ValueError, match="not an error code"):
        IpcError("nonsense", "x")  # type: ignore[arg-type]


def test_a_remote_timeout_is_no_timeout_here() -> None:
    for error in (TimeoutError("t"), asyncio.CancelledError(), Unavailable("u"), DeadlineExceeded("d")):
        remote = arrive(error)
        assert not isinstance(remote, (TimeoutError, ConnectionError, asyncio.CancelledError))


@pytest.mark.parametrize(
    "error",
    [
        IpcError("aborted", "m", {"d": 1}),
        Unavailable("m", sent="no"),
        RemoteError("unknown", "m", type="T", remote_traceback="s"),
    ],
    ids=repr,
)
def test_errors_can_be_pickled_and_copied(error: IpcError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert (str(twin), vars(twin)) == (str(error), vars(error))


def test_an_exception_arrives_with_type_message_and_traceback() -> None:
    remote = arrive(raised(KeyError("x")))
    assert (remote.code, remote.type, remote.message) == ("unknown", "KeyError", "'x'")
    assert "raise error" in (remote.remote_traceback or "")
    if sys.version_info >= (3, 11):
        assert "Remote traceback:" in remote.__notes__[0]


def test_an_ipc_error_sets_the_code() -> None:
    remote = arrive(IpcError("not_found", "nope", {"ids": {1: 2**70}}))
    assert (remote.code, remote.message, remote.details) == ("not_found", "nope", {"ids": {1: 2**70}})


def test_an_error_that_is_not_exposed_leaves_all_but_what_it_says_at_home() -> None:
    error = IpcError("not_found", "nope", {"id": 1})
    error.__dict__["secret"] = "x"
    error.__cause__ = KeyError("inner")
    remote = arrive(raised(error), exposed=False)
    assert (remote.code, remote.message, remote.details) == ("not_found", "nope", {"id": 1})
    assert (remote.remote_traceback, remote.attributes, remote.errors, remote.__cause__) == (None, {}, (), None)


def test_an_error_passed_on_keeps_its_type_and_one_stack_of_all_processes() -> None:
    remote = arrive(raised(arrive(raised(arrive(raised(KeyError("deep")))))))
    assert remote.type == "KeyError"
    frames = [line for line in (remote.remote_traceback or "").splitlines() if "File " in line]
    assert len(frames) == 3
    assert all(line.startswith('  [python] File "') for line in frames)


def test_frames_of_node_are_marked_once() -> None:
    stack = 'TypeError: bad\n    at add (file:///calc.mjs:3:9)\n  [python] File "a.py", line 1, in f'
    remote = decode_error(encode_result({"type": "TypeError", "message": "bad", "stack": stack}))
    assert isinstance(remote, RemoteError)
    assert remote.remote_traceback == (
        'TypeError: bad\n    [node] at add (file:///calc.mjs:3:9)\n  [python] File "a.py", line 1, in f'
    )
    again = arrive(raised(remote)).remote_traceback or ""
    assert "[node] [node]" not in again
    assert "    [node] at add" in again


def test_causes_and_contexts_arrive_unless_suppressed() -> None:
    def fail(how: str) -> None:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            if how == "from":
                raise ValueError("outer") from inner
            if how == "none":
                raise ValueError("outer") from None
            raise ValueError("outer")  # noqa: B904

    expected = {"from": ["ValueError", "KeyError"], "none": ["ValueError"], "context": ["ValueError", "KeyError"]}
    for how, types in expected.items():
        with pytest.raises(ValueError, match="outer") as caught:
            fail(how)
        assert [link.type for link in chain(arrive(caught.value)) if isinstance(link, RemoteError)] == types


def test_chains_end_where_they_turn_back_and_after_16() -> None:
    a, b = ValueError("a"), ValueError("b")
    a.__cause__, b.__cause__ = b, a
    assert len(chain(arrive(a))) == 2
    long: BaseException = ValueError("0")
    for index in range(50):
        outer = ValueError(str(index))
        outer.__cause__ = long
        long = outer
    assert len(chain(arrive(long))) == 16


def group(*members: Exception) -> Exception:
    if sys.version_info < (3, 11):
        pytest.skip("ExceptionGroup came with Python 3.11")
    return builtins.ExceptionGroup("g", members)


def test_the_members_of_an_exception_group_arrive_as_errors() -> None:
    inner = group(raised(OSError(2, "no such file")))
    remote = arrive(group(raised(ValueError("x")), inner))
    assert [(each.type, each.message) for each in remote.errors] == [
        ("ValueError", "x"),
        ("ExceptionGroup", "g (1 sub-exception)"),
    ]
    assert "raise error" in (remote.errors[0].remote_traceback or "")
    assert remote.errors[1].errors[0].attributes["errno"] == 2
    assert remote.details is None


def test_a_group_passed_on_keeps_its_members() -> None:
    remote = arrive(raised(arrive(group(ValueError("x"), KeyError("y")))))
    assert [each.type for each in remote.errors] == ["ValueError", "KeyError"]


def test_a_payload_has_64_errors_at_most_however_they_are_nested() -> None:
    error: Exception = ValueError("deepest")
    for _ in range(30):
        error = group(error, *(KeyError(str(number)) for number in range(20)))

    def count(remote: Any) -> int:
        return 1 + sum(count(each) for each in remote.errors)

    assert count(arrive(error)) == 64


def test_what_an_exception_carries_arrives_in_attributes() -> None:
    class Throttled(Exception):
        def __init__(self, seconds: float) -> None:
            super().__init__("later")
            self.retry_after = seconds
            self._secret = "x"

    assert arrive(Throttled(1.5)).attributes == {"retry_after": 1.5}
    missing = FileNotFoundError(2, "No such file or directory", "/nowhere")
    assert arrive(missing).attributes == {"errno": 2, "strerror": "No such file or directory", "filename": "/nowhere"}
    assert arrive(KeyError("x")).attributes == {}
    with pytest.raises(UnicodeDecodeError) as caught:
        b"a\xff".decode()
    assert arrive(caught.value).attributes == {"reason": "invalid start byte", "start": 1, "end": 2}
    assert arrive(raised(arrive(missing))).attributes["errno"] == 2


def test_attributes_that_cannot_be_sent_are_left_out_by_name() -> None:
    error = ValueError("x")
    error.__dict__.update(good=1, bad=len, large=b"x" * (2 << 20), late=3)
    remote = arrive(error)
    assert remote.attributes == {"good": 1, "late": 3}
    assert "attributes.bad cannot be sent" in (remote.remote_traceback or "")
    assert "attributes.large takes 2097" in (remote.remote_traceback or "")


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in (_registered._classes, _registered._names):
        monkeypatch.setattr(_registered, "_names" if table is _registered._names else "_classes", {})


@pytest.mark.usefixtures("registered")
def test_a_registered_class_arrives_as_itself() -> None:
    @register_error
    class NotFound(Exception):
        def __init__(self, what: str, where: str) -> None:
            super().__init__(f"no {what}")
            self.where = where

    @register_error(name="Busy.v2")
    class Busy(IpcError):
        pass

    found = decode_error(encode_error(raised(NotFound("user", "db"))))
    assert type(found) is NotFound
    assert (found.args, found.where, vars(found)["code"]) == (("no user",), "db", "unknown")
    assert "raise error" in vars(found)["remote_traceback"]
    busy = decode_error(encode_error(raised(Busy("unavailable", "later", {"seconds": 3}))))
    assert type(busy) is Busy
    assert (busy.code, busy.message, busy.details) == ("unavailable", "later", {"seconds": 3})
    twice = decode_error(encode_error(raised(found)))
    assert type(twice) is NotFound
    assert twice.where == "db"
    cause = ValueError("outer")
    cause.__cause__ = NotFound("user", "db")
    assert type(arrive(cause).__cause__) is NotFound


@pytest.mark.usefixtures("registered")
def test_what_cannot_be_registered_is_refused() -> None:
    class First(Exception):
        pass

    class Second(Exception):
        pass

    assert register_error(First, "same") is First
    assert register_error(First, "same") is First
    with pytest.raises(IpcError, match="'same' is the name of") as caught:
        register_error(Second, "same")
    assert caught.value.code == "already_exists"
    for odd in (5, int, BaseException, StopIteration, ValueError("x")):
        with pytest.raises(IpcError, match="takes a class of exceptions"):
            register_error(odd)  # type: ignore[call-overload]
    with pytest.raises(IpcError, match="takes no RemoteError"):
        register_error(RemoteError)


def test_an_exception_whose_str_raises() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise LookupError

    assert arrive(raised(Odd())).message == "(a Odd whose str() raised LookupError)"


@pytest.mark.parametrize("error", [StopIteration(1), SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_exceptions_that_steer_python_are_ordinary_on_the_way(error: BaseException) -> None:
    assert arrive(raised(error)).type == type(error).__name__


def test_texts_are_bounded_and_without_lone_surrogates() -> None:
    assert arrive(OSError("caf\udce9")).message == "caf\\udce9"
    remote = arrive(raised(ValueError("first" + "é" * (1 << 20) + "last")))
    assert remote.message.startswith("first")
    assert remote.message.endswith("last")
    for text in (remote.message, remote.remote_traceback or ""):
        assert len(text.encode()) <= 64 * 1024


@pytest.mark.parametrize("details", [len, b"x" * (2 << 20)], ids=["a function", "too much"])
def test_details_are_left_out_with_a_note(details: Any) -> None:
    remote = arrive(IpcError("aborted", "x", details))
    assert (remote.code, remote.details) == ("aborted", None)
    assert "(details were left out: " in (remote.remote_traceback or "")


def test_the_note_has_the_path_to_the_detail_that_cannot_be_sent() -> None:
    remote = arrive(IpcError("aborted", "x", {"rows": [1, len]}))
    assert "(details were left out: details.rows[1] cannot be sent: " in (remote.remote_traceback or "")


def test_details_that_cannot_be_decoded_are_dropped_with_a_note() -> None:
    remote = decode_error(encode_result({"code": "aborted", "message": "x", "details": b"\xc1"}))
    assert (remote.code, remote.message, remote.details) == ("aborted", "x", None)
    assert "(details could not be decoded: " in (remote.remote_traceback or "")


def test_a_payload_of_any_bytes_gives_a_remote_error() -> None:
    rng = random.Random(3)
    seed = encode_error(raised(IpcError("aborted", "x", {"a": 1})))
    for _ in range(5_000):
        assert isinstance(decode_error(mutated(seed, rng)), RemoteError)
    odd = decode_error(encode_result({"code": "nonsense", "message": 5, "stack": [], "cause": 1, "type": None}))
    assert (odd.code, odd.args, odd.remote_traceback) == ("unknown", ("",), None)
    assert decode_error(encode_result([1])).code == "data_loss"
