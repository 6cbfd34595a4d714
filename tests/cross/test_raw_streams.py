"""Peers that break the rules of streams and references lose their connection, and disturb nobody."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
import raw
from harness import Peer
from memory import memory_of
from pairs import KINDS, Pair

Make = Callable[..., Peer]
MOST = 2**64 - 1
FEW, ENDLESS = 4, 2**32 - 1  # items: what hello_with_streams() grants, and more than anybody reads
MOST_GROWTH = 64 << 20  # bytes
CALL, STREAM = 1, 2  # ids of the stranger's
SERVERS_STREAM = raw.OF_ACCEPTOR | 1
END = raw.frame(raw.STREAM_END, STREAM)

VIOLATIONS = {
    "a stream ended twice": END + END,
    "items after the end": END + raw.items(STREAM, 1),
    "items of no stream": raw.items(99, 1),
    "items of the call": raw.items(CALL, 1),
    "credit that nobody has asked for": raw.credit(SERVERS_STREAM, MOST, MOST),
    "credit for its own stream": raw.credit(STREAM, 1, 1),
    "credit that is cut short": raw.frame(raw.CREDIT, SERVERS_STREAM, struct.pack("<Q", MOST)),
    "a stream with an id of the server's": raw.frame(
        raw.REQUEST, 5, struct.pack("<QII", SERVERS_STREAM, 1, 0) + bytes(16) + b"\x90", raw.STREAMS
    ),
    "a release of what was not passed": raw.frame(raw.RELEASE, 0, struct.pack("<QQ", raw.OF_ACCEPTOR | 77, 1)),
    "a call of a reference that was not passed": raw.frame(
        raw.REQUEST, 5, bytes(16) + struct.pack("<Q", 77) + b"\x90", raw.REFERENCE
    ),
}


def stranger_of(pair: Pair) -> tuple[raw.Connection, dict[str, int]]:
    stranger = raw.connect(pair.of_server()["path"])
    stranger.send(raw.hello_with_streams())
    return stranger, stranger.methods()


@pytest.mark.parametrize("sent", VIOLATIONS.values(), ids=VIOLATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_whoever_breaks_the_rules_loses_its_connection_and_disturbs_nobody(kind: str, sent: bytes, peers: Make) -> None:
    pair = Pair(peers("asyncio"), peers(kind), "calc")
    reading = pair.client.start("read", on="c", method="numbers", args=[50_000])
    stranger, methods = stranger_of(pair)
    stranger.send(raw.request_with_stream(CALL, methods["hold"], b"\x90"))
    pair.server.event("held")
    stranger.send(sent)
    stranger.wait_until_closed()
    stranger.close()
    pair.server.event("released")
    assert reading.result() == {"count": 50_000, "sum": sum(range(50_000)), "error": None}
    assert pair.call("add", 1, 2) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_credit_that_is_enormous_goes_back_or_comes_again_is_harmless(kind: str, peers: Make) -> None:
    pair = Pair(peers("asyncio"), peers(kind), "calc")
    stranger, methods = stranger_of(pair)
    stranger.send(raw.request(CALL, methods["numbers"], b"\x91\xcd\x03\xe8"))  # [1000]
    kind_of_answer, body = stranger.frame()
    assert kind_of_answer == raw.REPLY
    (stream,) = struct.unpack_from("<Q", body)
    for items, size in ((MOST, MOST), (0, 0), (MOST, MOST), (1, MOST)):
        stranger.send(raw.credit(stream, items, size))
    count = 0
    while (arrived := stranger.frame())[0] == raw.STREAM_ITEM:
        count += struct.unpack_from("<I", arrived[1])[0]
    assert (count, arrived) == (1000, (raw.STREAM_END, b""))
    stranger.send(raw.credit(stream, MOST, MOST))  # it has crossed the end
    stranger.send(raw.frame(raw.PING, 7))
    assert stranger.frame()[0] == raw.PONG
    stranger.close()
    assert pair.call("add", 1, 2) == 3


def opened(stranger: raw.Connection, method: int, arguments: bytes) -> None:
    """Calls it, and wants all the items of its result."""
    stranger.send(raw.request(CALL, method, arguments))
    kind_of_answer, body = stranger.frame()
    assert kind_of_answer == raw.REPLY
    stranger.send(raw.credit(struct.unpack_from("<Q", body)[0], MOST, MOST))


@pytest.mark.parametrize("kind", KINDS)
def test_items_that_need_not_wait_for_each_other_are_sent_together(kind: str, peers: Make) -> None:
    pair = Pair(peers("asyncio"), peers(kind), "calc")
    stranger, methods = stranger_of(pair)
    opened(stranger, methods["numbers"], b"\x91\xcd\x03\xe8")  # [1000]
    counts = []
    while (arrived := stranger.frame())[0] == raw.STREAM_ITEM:
        counts += struct.unpack_from("<I", arrived[1])
    assert sum(counts) == 1000
    if kind == "blocking":  # a generator that is not `async`: nobody knows how long its next item takes
        assert set(counts) == {1}
    else:
        assert len(counts) < 100
    stranger.close()


@pytest.mark.parametrize("kind", KINDS)
def test_items_are_sent_at_once_where_their_generator_waits(kind: str, peers: Make) -> None:
    pair = Pair(peers("asyncio"), peers(kind), "calc")
    stranger, methods = stranger_of(pair)
    opened(stranger, methods["numbers_then_hold"], b"\x91\x07")  # [7]
    count = 0
    while count < 7:
        kind_of_frame, body = stranger.frame()
        assert kind_of_frame == raw.STREAM_ITEM
        count += struct.unpack_from("<I", body)[0]
    pair.server.event("held")
    stranger.close()
    pair.server.event("numbers ended")


@pytest.mark.parametrize("kind", KINDS)
def test_credit_without_end_of_one_that_does_not_read_takes_bounded_memory(kind: str, peers: Make) -> None:
    pair = Pair(peers("asyncio"), peers(kind), "calc")
    stranger, methods = stranger_of(pair)
    before = memory_of(pair.server.pid)
    stranger.send(raw.request(CALL, methods["numbers"], b"\x91\xce" + struct.pack(">I", ENDLESS)))
    kind_of_answer, body = stranger.frame()
    assert kind_of_answer == raw.REPLY
    stranger.send(raw.credit(struct.unpack_from("<Q", body)[0], MOST, MOST))
    count = 0
    while count <= FEW:  # until the credit has been taken
        kind_of_frame, body = stranger.frame()
        assert kind_of_frame == raw.STREAM_ITEM
        count += struct.unpack_from("<I", body)[0]
    while stalled(pair) is None:
        assert memory_of(pair.server.pid) - before < MOST_GROWTH
    burst = pair.client.do("burst", on="c", method="add", count=2_000, in_flight=16)
    assert burst["ok"] == 2_000
    assert stalled(pair) is not None
    assert memory_of(pair.server.pid) - before < MOST_GROWTH
    stranger.close()
    pair.server.event("numbers ended")


def stalled(pair: Pair) -> Any:
    return pair.of_server()["stalled_streams" if pair.server.in_python else "stalledStreams"]
