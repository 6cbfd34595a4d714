"""Functions and objects by reference, the same for every pair of languages and every transport."""

from __future__ import annotations

import pytest
from harness import Pipe
from pairs import Pair
from waiting import wait_until


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_handler_calls_the_callers_function(pair: Pair, kind: str) -> None:
    assert pair.client.do("each", on="c", items=[1, 2, 0.25], kind=kind) == [2, 4, 0.5]


def test_what_it_throws_goes_through_the_handler_to_the_caller(pair: Pair) -> None:
    error = pair.client.start("each", on="c", items=[7], kind="raising").error()
    assert "nothing for 7" in str(error)
    assert pair.call("add", 1) == 1


def test_it_may_be_called_while_the_streams_of_the_result_are_open(pair: Pair) -> None:
    assert pair.client.do("each_later", on="c", count=100, kind="plain") == [2 * number for number in range(100)]


@pytest.mark.parametrize("way", ["", "_awaiting"])
def test_it_is_passed_a_stream(pair: Pair, way: str) -> None:
    for count in (0, 1, 30_000):
        summed = pair.client.do("pass_function", on="c", method=f"pour{way}", args=[count], kind="summing")
        assert summed == sum(range(count))
        if count > 0:
            pair.server.event("numbers ended")


@pytest.mark.parametrize("way", ["", "_awaiting"])
def test_it_returns_a_stream(pair: Pair, way: str) -> None:
    for count in (0, 1, 30_000):
        summed = pair.client.do("pass_function", on="c", method=f"draw{way}", args=[count], kind="making")
        assert summed == sum(range(count))
        pair.client.event("fed")


@pytest.mark.parametrize("way", ["", "_awaiting"])
def test_it_is_passed_a_function(pair: Pair, way: str) -> None:
    assert pair.client.do("pass_function", on="c", method=f"lend{way}", args=[], kind="borrowing") == 42


def test_a_retained_function_outlives_its_call_and_is_the_same_each_time(pair: Pair) -> None:
    assert pair.client.do("retained", on="c") == [False, True, 42, "failed_precondition"]


def test_an_object_runs_where_it_is_until_it_is_released(pair: Pair) -> None:
    expected = [2, 5, 5, 101, "permission_denied", "failed_precondition"]
    assert pair.client.do("counter", on="c") == expected


def test_of_its_attributes_others_get_what_is_public_and_set_what_can_be_set(pair: Pair) -> None:
    read = ["permission_denied", "permission_denied", "not_found"]
    assert pair.client.do("attributes", on="c") == [[*read, *read, "permission_denied"], 8, 5]


def test_the_same_function_twice_in_a_call_is_the_same_there(pair: Pair) -> None:
    assert pair.client.do("same", on="c") == [True, False]


@pytest.mark.parametrize("act", ["give_and_forget", "take_and_forget"])
def test_what_nobody_holds_any_more_is_given_back(pair: Pair, act: str) -> None:
    holder, owner = (pair.server, pair.client) if act == "give_and_forget" else (pair.client, pair.server)
    pair.client.do(act, on="c")

    def is_back() -> bool:
        holder.do("collect")
        return owner.do("shared") == 0

    wait_until(is_back)


def test_a_result_that_comes_too_late_gives_back_what_it_brings(pair: Pair, pipe: Pipe) -> None:
    call = pair.start("grip_counter", pipe.path, timeout=0.1)
    pair.server.event("gripping")
    assert call.error().code == "deadline_exceeded"
    pipe.write()  # only now does the service hear of it
    pair.server.event("gripped")
    assert pair.call("add", 1) == 1
    wait_until(lambda: pair.server.do("shared") == 0)


def test_an_object_of_the_callers_is_used_by_the_handler(pair: Pair) -> None:
    assert pair.client.do("own_counter", on="c") == [5, 10, 10]


def test_an_object_of_the_services_is_passed_back_to_it(pair: Pair) -> None:
    assert pair.client.do("counter_back", on="c") == [5, 10, 11]
