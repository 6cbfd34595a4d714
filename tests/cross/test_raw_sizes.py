"""Peers that send more values than a message may hold, or keys of one hash: only that call fails."""

from __future__ import annotations

import contextlib
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import raw
from harness import Peer
from pairs import KINDS, Pair

from ipcbridge._values import encode_result

Make = Callable[..., Peer]
MAX_WEIGHT = 8_388_608
TOO_MANY = b"\xdd" + MAX_WEIGHT.to_bytes(4, "big") + b"\xc0" * MAX_WEIGHT
ONE = b"\x01"
RESOURCE_EXHAUSTED = 8
_KEYS = encode_result([k * sys.hash_info.modulus for k in range(1 << 62, (1 << 62) + 1000)])
ALIKE = b"\xc8" + struct.pack(">Hb", len(_KEYS), 2) + _KEYS  # a set of what Python's dicts and sets cannot tell apart
CASES = [*((kind, TOO_MANY) for kind in KINDS), ("blocking", ALIKE), ("asyncio", ALIKE)]
IDS = [f"{kind}-{'too many values' if value is TOO_MANY else 'keys of one hash'}" for kind, value in CASES]


@pytest.mark.parametrize(("kind", "value"), CASES, ids=IDS)
def test_arguments_over_the_bounds_fail_their_call_alone(kind: str, value: bytes, peers: Make) -> None:
    pair = Pair(peers("asyncio"), peers(kind), "calc")
    hostile = raw.connect(pair.of_server()["path"])
    hostile.send(raw.hello())
    method = hostile.methods()["add"]
    for call_id in (1, 2):
        hostile.send(raw.request(call_id, method, b"\x91" + value))
        assert hostile.refusal()[0] == RESOURCE_EXHAUSTED
    hostile.send(raw.request(3, method, b"\x91" + ONE))
    assert hostile.frame()[0] == raw.REPLY
    assert pair.call("add", 1) == 1
    assert pair.of_server()["connections"] == 2
    hostile.close()


@pytest.mark.parametrize(("kind", "value"), CASES, ids=IDS)
def test_a_result_over_the_bounds_fails_its_call_alone(kind: str, value: bytes, peers: Make, directory: Path) -> None:
    def answer(client: raw.Connection) -> None:
        client.send(raw.hello(methods=(b"get",)))
        client.methods()
        results = iter([value, ONE])
        call_id = 0
        with contextlib.suppress(struct.error):  # of the end
            while True:
                if client.frame()[0] == raw.REQUEST:
                    call_id += 1
                    client.send(raw.message(raw.REPLY, call_id, next(results)))

    peer = peers(kind)
    path = str(directory / "other.socket")
    with raw.server(path, answer):
        peer.do("connect", **{"as": "o"}, address=f"unix://{path}")
        error = peer.start("call", on="o", method="get", args=[]).error()
        assert peer.do("call", on="o", method="get", args=[]) == 1
        peer.do("close", on="o")
    assert error.code == "resource_exhausted"
