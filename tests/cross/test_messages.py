"""Large messages among small ones, and those over a limit."""

from __future__ import annotations

import pytest
from pairs import Pair, Raw, make_address, zeros

MIB = 1 << 20


@pytest.mark.parametrize("length", [0, 1, 16 * 1024, 64 * 1024, MIB, 40 * MIB])
def test_messages_of_every_size_go_both_ways_while_small_calls_go_on(local_pair: Pair, length: int) -> None:
    small = local_pair.client.start("burst", on="c", method="add", count=300, in_flight=4)
    large = [local_pair.start("size", zeros(length)), local_pair.start("zeros", length)]
    assert large[0].result(60) == length
    assert large[1].result(60) == ({"length": length, "sum": 0} if length > 1024 else {"bytes": "00" * length})
    assert small.result(60)["ok"] == 300


@pytest.mark.parametrize("length", [MIB, 40 * MIB])
def test_large_messages_go_over_a_plain_socket(kinds: tuple[str, str], peers, directory, length: int) -> None:
    pair = Pair(peers(kinds[0]), peers(kinds[1]), make_address("unix", directory))
    assert pair.call("size", zeros(length)) == length
    assert pair.call("zeros", length) == {"length": length, "sum": 0}


def test_a_message_over_the_limit_is_refused_by_its_sender(kinds: tuple[str, str], address: str, peers) -> None:
    limits = {"limits": {"max_message_bytes": 100_000}}
    pair = Pair(peers(kinds[0]), peers(kinds[1]), address, connect=limits, serve=limits)
    for error in (pair.error("size", zeros(100_001)), pair.error("zeros", 100_001)):
        assert error.code == "resource_exhausted"
        assert "100000" in error.message.replace(",", "").replace("_", "")
    assert pair.call("size", zeros(90_000)) == 90_000


def test_values_nested_up_to_the_limit_pass_and_beyond_it_are_refused(local_pair: Pair) -> None:
    def nested(depth: int) -> Raw:
        value: list[object] = []
        for _ in range(depth - 1):
            value = [value]
        return Raw(value)

    assert local_pair.call("echo", nested(128)) == nested(128).notation
    error = local_pair.error("echo", nested(129))
    assert error.code == "invalid_argument"
    assert "args[0]" in error.message
    assert local_pair.call("add", 1) == 1
