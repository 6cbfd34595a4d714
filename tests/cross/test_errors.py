"""What a caller hears of what went wrong on the other side, or on its own."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from pairs import Pair


def test_what_a_handler_raises_arrives_whole(pair: Pair) -> None:
    error = pair.error("fail").told
    assert (error["code"], error["name"], error["type"]) == ("unknown", "RemoteError", "Broken")
    assert error["message"] == "the outer message"
    assert "Broken" in error["stack"]
    assert ("service.mjs" if pair.server.kind == "node" else "service.py") in error["stack"]
    cause = error["cause"]
    assert (cause["name"], cause["type"], cause["message"]) == ("RemoteError", "Deeper", "the inner message")
    assert pair.server.event("handler failed")["method"] == "fail"


def expect_group(error: dict[str, Any], language: str) -> None:
    """That it is the one which `fail_together` raises."""
    kind, count = ("AggregateError", "") if language == "node" else ("ExceptionGroup", " (2 sub-exceptions)")
    assert (error["name"], error["type"], error["message"]) == ("RemoteError", kind, f"all failed{count}")
    one, inner = error["errors"]
    assert (one["name"], one["type"], one["message"], one["errors"]) == ("RemoteError", "Broken", "one", [])
    assert (inner["name"], inner["type"]) == ("RemoteError", kind)
    assert [(two["type"], two["message"]) for two in inner["errors"]] == [("Deeper", "two")]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python has no groups")
def test_a_group_of_errors_arrives_with_its_members_and_theirs(pair: Pair) -> None:
    expect_group(pair.error("fail_together").told, pair.server.kind)


def test_a_missing_file_tells_what_the_system_said_of_it(pair: Pair) -> None:
    error = pair.error("open_missing").told
    assert error["code"] == "unknown", "`ENOENT` is no code of ours"
    told = dict(error["attributes"]["object"])
    if pair.server.in_python:
        assert error["type"] == "FileNotFoundError"
        assert told == {"errno": 2, "strerror": "No such file or directory", "filename": "/nowhere/at/all"}
    else:
        assert told == {"errno": -2, "code": "ENOENT", "syscall": "open", "path": "/nowhere/at/all"}


def test_attributes_arrive_and_those_that_cannot_are_named(pair: Pair) -> None:
    error = pair.error("throttle").told
    assert error["attributes"] == {"object": [["retry_after", {"float": "1.5"}]]}
    assert "unsendable" in error["stack"]


def test_a_handler_chooses_a_code_and_gives_details(pair: Pair) -> None:
    error = pair.error("refuse", "not_found", {"id": 7}).told
    assert (error["code"], error["name"], error["message"]) == ("not_found", "RemoteError", "refused as asked")
    assert error["details"] == {"object": [["id", 7]]}


def test_a_remote_timeout_is_no_timeout_of_this_side(pair: Pair) -> None:
    for code in ("deadline_exceeded", "unavailable", "cancelled"):
        error = pair.error("refuse", code, None).told
        assert (error["code"], error["name"], error["sent"]) == (code, "RemoteError", None)
        assert not {"TimeoutError", "ConnectionError", "CancelledError"} & set(error["classes"])


def test_an_unknown_method_is_unimplemented_and_the_near_ones_are_named(pair: Pair) -> None:
    error = pair.error("text.uper", "x", by_name=True)
    assert error.code == "unimplemented"
    assert "text.upper" in error.message
    assert not pair.client.do("has", on="c", method="nope")
    for hidden in ("_connect", "__class__", "constructor", "toString", "hasOwnProperty"):
        assert pair.error(hidden, by_name=True).code == "unimplemented", hidden


def test_the_wrong_number_of_arguments_is_an_invalid_argument(pair: Pair) -> None:
    missing = [] if pair.server.kind == "node" else [([], {})]  # to JavaScript what is missing is undefined
    for args, kwargs in (*missing, ([1, 2, 3], {}), ([1], {"nope": 2}), ([1, 2], {"b": 3})):
        error = pair.error("add", *args, **({"kwargs": kwargs} if kwargs else {}))
        assert error.code == "invalid_argument", (args, kwargs)
        assert "add" in error.message
    assert pair.call("add", 1) == 1


def test_one_plain_object_too_many_is_answered_with_a_hint_at_keyword_arguments(pair: Pair) -> None:
    error = pair.error("add", 1, 2, {"title": "x"})
    assert error.code == "invalid_argument"
    assert "kwargs({" in error.message
    assert "kwargs({" not in pair.error("add", 1, 2, 3).message


def test_what_cannot_be_encoded_is_refused_with_the_path_to_it(pair: Pair) -> None:
    error = pair.error("echo", unencodable=True)
    assert error.code == "invalid_argument"
    assert "args[0].items[3]" in error.message
    error = pair.error("unencodable")
    assert error.code == "internal"
    assert error.message.startswith("unencodable() returned what cannot be sent: result.items[3] cannot be sent: ")
    assert pair.call("add", 1) == 1


def test_nobody_there_is_unavailable_and_the_address_is_named(pair: Pair) -> None:
    nowhere = pair.address.replace("calc", "nowhere")
    error = pair.client.start("connect", **{"as": "n"}, address=nowhere, options={"connect_timeout": 0.05}).error()
    assert (error.code, error.told["sent"]) == ("unavailable", "no")
    assert nowhere in error.message
