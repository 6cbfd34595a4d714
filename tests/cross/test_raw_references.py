"""References of one connection are none of another's, whoever has guessed their ids."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
import raw
from harness import Peer
from pairs import KINDS, Pair

Make = Callable[..., Peer]
CALL = 1  # the stranger's first
FAILED_PRECONDITION = 9


class Holder:
    """A stranger that has one object of the service's by reference."""

    def __init__(self, pair: Pair) -> None:
        self.connection, methods = stranger_of(pair)
        self.connection.send(raw.request(CALL, methods["counter"], b"\x90"))
        kind, body = self.connection.frame()
        assert kind == raw.REPLY
        count, self.reference = struct.unpack_from("<IQ", body)
        value = body[12:]
        assert value[2] == 8, "an extension of at most 255 bytes: an object"
        assert (count, self.reference) == (1, *struct.unpack_from(">Q", value, 3))
        self.number = names_in(value[11:]).index("add")

    def add(self, call: int, reference: int) -> tuple[int, bytes]:
        """Calls the method of whatever has this id; the frame of the answer."""
        self.connection.send(call_of(call, reference, self.number))
        return self.connection.frame()


def stranger_of(pair: Pair) -> tuple[raw.Connection, dict[str, int]]:
    stranger = raw.connect(pair.of_server()["path"])
    stranger.send(raw.hello_with_streams())
    return stranger, stranger.methods()


def names_in(array: bytes) -> list[str]:
    """Of short strings."""
    names = []
    at = 1
    for _ in range(array[0] & 0x0F):
        length = array[at] & 0x1F
        names.append(array[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return names


def call_of(call: int, reference: int, method: int) -> bytes:
    """With the argument 1."""
    body = struct.pack("<QII", 0, method, 0) + struct.pack("<Q", reference) + b"\x91\x01"
    return raw.frame(raw.REQUEST, call, body, raw.REFERENCE)


def release_of(reference: int) -> bytes:
    return raw.frame(raw.RELEASE, 0, struct.pack("<QQ", reference, 1))


@pytest.mark.parametrize("what", ["call", "release"])
@pytest.mark.parametrize("kind", KINDS)
def test_whoever_was_passed_none_loses_its_connection(kind: str, what: str, peers: Make) -> None:
    pair = Pair(peers("asyncio"), peers(kind), "calc")
    owner = Holder(pair)
    thief, _ = stranger_of(pair)
    thief.send(call_of(CALL, owner.reference, owner.number) if what == "call" else release_of(owner.reference))
    thief.wait_until_closed()
    thief.close()
    assert owner.add(3, owner.reference) == (raw.REPLY, b"\x01"), "the counter has not been touched"
    owner.connection.close()
    assert pair.call("add", 1, 2) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_has_a_newer_one_is_told_that_it_is_gone(kind: str, peers: Make) -> None:
    pair = Pair(peers("asyncio"), peers(kind), "calc")
    owner, thief = Holder(pair), Holder(pair)
    answer, body = thief.add(3, owner.reference)
    assert (answer, body[0]) == (raw.ERROR, FAILED_PRECONDITION)
    thief.connection.send(release_of(owner.reference))
    assert thief.add(5, thief.reference) == (raw.REPLY, b"\x01")
    assert owner.add(3, owner.reference) == (raw.REPLY, b"\x01"), "neither called nor released"
    for each in (owner, thief):
        each.connection.close()
    assert pair.call("add", 1, 2) == 3
