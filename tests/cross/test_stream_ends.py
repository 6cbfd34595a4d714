"""How streams end before their last item, and that what makes the items then cleans up once; for every pair."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, wait
from typing import Any

import pytest
from harness import Command
from pairs import Pair

pytestmark = pytest.mark.parametrize("address", ["shm", "unix"], indirect=True)

ENDLESS = 10**9
SOON = 0.2  # seconds


def start_reading(pair: Pair, method: str, *args: int, **more: Any) -> Command:
    return pair.client.start("read", on="c", method=method, args=list(args), **more)


def start_to_wait(pair: Pair, **more: Any) -> Command:
    """A reader that has three items and waits for the fourth, which does not come."""
    reading = start_reading(pair, "numbers_then_hold", 3, tells=3, **more)
    pair.client.event("read")
    pair.server.event("held")
    return reading


def start_to_feed(pair: Pair, **more: Any) -> Command:
    """A call whose handler has three items of its argument, and takes no more."""
    feeding = pair.client.start("feed", on="c", method="hold_reading", count=ENDLESS, args=[3], **more)
    pair.server.event("held")
    return feeding


def server_tells_once(pair: Pair, event: str) -> None:
    pair.server.event(event)
    pair.of_server()  # whatever it has told of before has come with the answer
    assert not pair.server.has_event(event)


def client_tells_once(pair: Pair, event: str) -> None:
    pair.client.event(event)
    pair.client.do("status", on="c")
    assert not pair.client.has_event(event)


def cleans_up(pair: Pair) -> None:
    """What has made the items of a result has run its `finally`, once, and the connection is well."""
    server_tells_once(pair, "numbers ended")
    assert pair.call("add", 1, 2) == 3


def cleans_up_argument(pair: Pair) -> None:
    client_tells_once(pair, "fed")
    assert pair.call("add", 1, 2) == 3


def test_leaving_the_loop_early(pair: Pair) -> None:
    seen = start_reading(pair, "numbers", ENDLESS, most=3).result()
    assert (seen["count"], seen["error"]) == (3, None)
    cleans_up(pair)
    seen = start_reading(pair, "numbers_then_hold", 3, most=3).result()
    assert (seen["count"], seen["error"]) == (3, None)
    cleans_up(pair)


def test_an_exception_in_the_readers_loop(pair: Pair) -> None:
    for method, count in (("numbers", ENDLESS), ("numbers_then_hold", 3)):
        seen = start_reading(pair, method, count, raises=3).result()
        assert (seen["count"], seen["error"]["message"]) == (3, "raised by the reader")
        cleans_up(pair)


def test_cancelling_the_reader(pair: Pair) -> None:
    if pair.client.kind == "blocking":
        pytest.skip("a blocking reader is ended by close(), or by a timeout")
    reading = start_to_wait(pair, cancellable=True)
    pair.client.do("cancel", call=reading.number)
    seen = reading.result()
    assert (seen["count"], seen["error"]["code"]) == (3, "cancelled")
    cleans_up(pair)


def test_closing_the_stream_while_its_reader_waits(pair: Pair) -> None:
    reading = start_to_wait(pair, keep="stream")
    pair.client.do("shut", **{"as": "stream"})
    seen = reading.result()
    assert (seen["count"], seen["error"]) == (3, None)
    cleans_up(pair)


def test_the_timeout_of_the_call(pair: Pair) -> None:
    seen = start_to_wait(pair, timeout=SOON).result()
    assert (seen["count"], seen["error"]["code"], seen["error"]["sent"]) == (3, "deadline_exceeded", "maybe")
    cleans_up(pair)


def test_the_timeout_of_the_call_while_items_come(pair: Pair) -> None:
    seen = start_reading(pair, "numbers", ENDLESS, timeout=SOON).result()
    assert (seen["error"]["code"], seen["error"]["sent"]) == ("deadline_exceeded", "maybe")
    cleans_up(pair)


def test_a_wait_for_an_item_that_is_longer_than_idle_timeout(pair: Pair) -> None:
    reading = start_to_wait(pair, idle_timeout=SOON)
    seen = reading.result()
    assert (seen["count"], seen["error"]["code"], seen["error"]["sent"]) == (3, "deadline_exceeded", "maybe")
    cleans_up(pair)


def test_a_second_reader_is_refused_and_the_first_goes_on(pair: Pair) -> None:
    first = start_to_wait(pair, keep="stream")
    second = pair.client.start("finish", **{"as": "stream"})
    # A thread that has told of its items may be overtaken on its way to the next one.
    done, _ = wait([first.future, second.future], return_when=FIRST_COMPLETED, timeout=20)
    assert [future.result()["error"]["code"] for future in done] == ["failed_precondition"]
    pair.client.do("shut", **{"as": "stream"})
    assert {reader.result()["error"] is None for reader in (first, second)} == {True, False}
    cleans_up(pair)


def test_a_handler_that_leaves_its_argument_early(pair: Pair) -> None:
    assert pair.client.do("feed", on="c", method="first", count=ENDLESS) == 0
    cleans_up_argument(pair)


def test_a_handler_that_raises_while_it_reads_its_argument(pair: Pair) -> None:
    error = pair.client.start("feed", on="c", method="fail_reading", count=ENDLESS, args=[3]).error()
    assert (error.code, error.told["type"]) == ("unknown", "Broken")
    cleans_up_argument(pair)


def test_cancelling_a_call_ends_its_argument(pair: Pair) -> None:
    if pair.client.kind == "blocking":
        pytest.skip("a blocking call is ended by its timeout")
    feeding = start_to_feed(pair, cancellable=True)
    pair.client.do("cancel", call=feeding.number)
    assert feeding.error().code == "cancelled"
    server_tells_once(pair, "released")
    cleans_up_argument(pair)


def test_the_timeout_of_a_call_ends_its_argument(pair: Pair) -> None:
    error = start_to_feed(pair, timeout=SOON).error()
    assert (error.code, error.told["sent"]) == ("deadline_exceeded", "maybe")
    server_tells_once(pair, "released")
    cleans_up_argument(pair)


def test_leaving_what_comes_out_ends_what_goes_in(pair: Pair) -> None:
    seen = pair.client.do("feed", on="c", method="double", count=ENDLESS, reads=True, most=3)
    assert (seen["count"], seen["sum"], seen["error"]) == (3, 6, None)
    cleans_up_argument(pair)
