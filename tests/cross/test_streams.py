"""Streams, the same for every pair of languages and every transport."""

from __future__ import annotations

from typing import Any

import pytest
from pairs import Pair


def read(pair: Pair, method: str, *args: Any, **more: Any) -> Any:
    return pair.client.do("read", on="c", method=method, args=list(args), **more)


def feed(pair: Pair, method: str, count: int, **more: Any) -> Any:
    return pair.client.do("feed", on="c", method=method, count=count, **more)


def whole(count: int) -> dict[str, Any]:
    return {"count": count, "sum": sum(range(count)), "error": None}


@pytest.mark.parametrize("count", [0, 1, 100_000])
def test_a_result_brings_its_items_and_ends(pair: Pair, count: int) -> None:
    assert read(pair, "numbers", count) == whole(count)
    pair.server.event("numbers ended")


def test_leaving_early_ends_the_generator(pair: Pair) -> None:
    assert read(pair, "numbers", 10**9, most=5) == whole(5)
    pair.server.event("numbers ended")
    assert pair.call("add", 1) == 1


def test_an_exception_comes_behind_the_items(pair: Pair) -> None:
    seen = read(pair, "fail_after", 3)
    assert (seen["count"], seen["error"]["type"]) == (3, "Broken")
    assert pair.server.event("handler failed")["method"] == "fail_after"


def test_an_item_that_cannot_be_sent_ends_the_stream(pair: Pair) -> None:
    seen = read(pair, "yield_unencodable")
    assert (seen["count"], seen["error"]["code"]) == (1, "internal")
    begins = "yield_unencodable() yielded what cannot be sent: item.items[1] cannot be sent: "
    assert seen["error"]["message"].startswith(begins)
    assert pair.server.event("handler failed")["method"] == "yield_unencodable"


@pytest.mark.parametrize("count", [0, 1, 100_000])
def test_an_argument_brings_its_items_and_ends(pair: Pair, count: int) -> None:
    assert feed(pair, "total", count) == sum(range(count))
    if count > 0:
        pair.client.event("fed")


def test_an_argument_ends_with_its_call(pair: Pair) -> None:
    assert feed(pair, "first", 10**9) == 0
    pair.client.event("fed")


def test_both_ways_at_once(pair: Pair) -> None:
    assert feed(pair, "double", 50_000, reads=True) == {"count": 50_000, "sum": 2 * sum(range(50_000)), "error": None}
    pair.client.event("fed")


@pytest.mark.parametrize("window", [{"stream_window_items": 1}, {"stream_window_bytes": 1}, {"stream_window_items": 7}])
def test_a_small_window_brings_the_same_items(window: dict[str, int], kinds: tuple[str, str], peers: Any) -> None:
    options = {"limits": window}
    pair = Pair(peers(kinds[0]), peers(kinds[1]), "calc", connect=options, serve=options)
    assert read(pair, "numbers", 300) == whole(300)
    assert feed(pair, "total", 300) == sum(range(300))
    assert feed(pair, "double", 300, reads=True) == {"count": 300, "sum": 2 * sum(range(300)), "error": None}
