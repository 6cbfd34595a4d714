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

from ipcbridge._errors import DeadlineExceeded, IpcError, RemoteError, Unavailable, error_from_code
from ipcbridge._values import decode_error, encode_error, encode_result


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def arrive(error: BaseException, *, stack: bool = True) -> RemoteError:
    return decode_error(encode_error(error, stack=stack))


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
    assert arrive(KeyError("x"), stack=False).remote_traceback is None


def test_an_ipc_error_sets_the_code() -> None:
    remote = arrive(IpcError("not_found", "nope", {"ids": {1: 2**70}}))
    assert (remote.code, remote.message, remote.details) == ("not_found", "nope", {"ids": {1: 2**70}})


def test_an_error_passed_on_keeps_its_type_and_both_tracebacks() -> None:
    remote = arrive(raised(arrive(raised(KeyError("deep")))))
    assert remote.type == "KeyError"
    assert "Passed on by:" in (remote.remote_traceback or "")


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


def test_an_exception_group_lists_its_members() -> None:
    if sys.version_info < (3, 11):
        pytest.skip("ExceptionGroup came with Python 3.11")
    remote = arrive(builtins.ExceptionGroup("g", [ValueError("x"), KeyError("y")]))
    assert remote.details == {
        "errors": [{"type": "ValueError", "message": "x"}, {"type": "KeyError", "message": "'y'"}]
    }


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
