"""Services that break the rules of streams and references lose that connection; others of their client go on."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import raw
from harness import Peer
from pairs import KINDS, Pair

Make = Callable[..., Peer]
MOST = 2**64 - 1
CALL = 1  # the client's first
STREAM = raw.OF_ACCEPTOR | 1
END = raw.frame(raw.STREAM_END, STREAM)
FEW = {"limits": {"stream_window_items": 4}}

VIOLATIONS = {
    "a stream ended twice": END + END,
    "items after the end": END + raw.items(STREAM, 1),
    "items of no stream": raw.items(raw.OF_ACCEPTOR | 99, 1),
    "more items than were granted": raw.items(STREAM, 5),
    "credit that nobody has asked for": raw.credit(99, MOST, MOST),
    "credit for its own stream": raw.credit(STREAM, 1, 1),
    "a release of what was not passed": raw.frame(raw.RELEASE, 0, struct.pack("<QQ", 77, 1)),
    "a call of a reference that was not passed": raw.frame(
        raw.REQUEST, raw.OF_ACCEPTOR | 3, bytes(16) + struct.pack("<Q", 77) + b"\x90", raw.REFERENCE
    ),
}


@pytest.mark.parametrize("sent", VIOLATIONS.values(), ids=VIOLATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_service_that_breaks_the_rules_loses_that_connection(
    kind: str, sent: bytes, peers: Make, directory: Path
) -> None:
    def serve(client: raw.Connection) -> None:
        client.send(raw.hello_with_streams((b"numbers",)))
        with contextlib.suppress(struct.error):  # of the end
            while client.frame()[0] != raw.REQUEST:
                pass
            client.send(raw.reply_with_stream(CALL, STREAM) + sent)
            client.wait_until_closed()

    pair = Pair(peers(kind), peers("asyncio"), "calc")
    reading = pair.client.start("read", on="c", method="numbers", args=[50_000])
    path = str(directory / "other.socket")
    with raw.server(path, serve):
        pair.client.do("connect", **{"as": "o"}, address=f"unix://{path}", options=FEW)
        pair.client.do("watch", on="o")
        seen = pair.client.do("read", on="o", method="numbers", args=[1])
        while pair.client.event("state")["state"] != "reconnecting":
            pass
        pair.client.do("close", on="o")
    # An end that came before the violation may have been read.
    assert seen["error"] is None or (seen["error"]["code"], seen["error"]["sent"]) == ("unavailable", "maybe")
    assert seen["error"] is not None or sent.startswith(END)
    assert reading.result() == {"count": 50_000, "sum": sum(range(50_000)), "error": None}
    assert pair.call("add", 1, 2) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_credit_of_a_service_that_is_enormous_goes_back_or_comes_again_is_harmless(
    kind: str, peers: Make, directory: Path
) -> None:
    def serve(client: raw.Connection) -> None:
        client.send(raw.hello_with_streams((b"total",)))
        with contextlib.suppress(struct.error):  # of the end
            while (arrived := client.frame())[0] != raw.REQUEST:
                pass
            (stream,) = struct.unpack_from("<Q", arrived[1])
            for items, size in ((MOST, MOST), (0, 0), (MOST, MOST), (1, MOST)):
                client.send(raw.credit(stream, items, size))
            count = 0
            while (arrived := client.frame())[0] == raw.STREAM_ITEM:
                count += struct.unpack_from("<I", arrived[1])[0]
            client.send(raw.credit(stream, MOST, MOST))  # it has crossed the end
            result = b"\xcd" + struct.pack(">H", count)
            client.send(raw.frame(raw.REPLY, CALL, result))
            client.wait_until_closed()

    peer = peers(kind)
    path = str(directory / "other.socket")
    with raw.server(path, serve):
        peer.do("connect", **{"as": "o"}, address=f"unix://{path}")
        assert peer.do("feed", on="o", method="total", count=1000) == 1000
        peer.event("fed")
        peer.do("close", on="o")
