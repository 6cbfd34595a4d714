"""Peers of another version, peers that do not read and peers that say nothing: they harm themselves alone."""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import raw
from harness import Peer
from pairs import KINDS, Pair, make_address

Make = Callable[..., Peer]
FAILED_PRECONDITION = 9
OURS, OTHER = "1.0", "99.7"
MEBIBYTE = 1 << 20
FOR_EVER = {"connect_timeout": None}
# The sanitizer keeps 256 MiB of what was freed, and some about every piece.
MOST_MEMORY = (1024 if "IPCBRIDGE_SANITIZED" in os.environ else 512) * MEBIBYTE


def _names_both_versions(message: str) -> bool:
    return set(re.findall(r"\b\d+\.\d+\b", message)) == {OURS, OTHER}


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_of_another_version_hears_both_versions_and_disturbs_nobody(kind: str, peers: Make) -> None:
    pair = Pair(peers(kind), peers(kind), "calc")
    burst = pair.client.start("burst", on="c", method="add", count=5000, in_flight=8)
    for _ in range(20):
        stranger = raw.connect(pair.of_server()["path"])
        stranger.send(raw.hello(99, 7))
        code, message = stranger.refusal()
        assert code == FAILED_PRECONDITION
        assert _names_both_versions(message), message
        stranger.wait_until_closed()
        stranger.close()
    assert burst.result() == {"ok": 5000, "wrong": 0, "twice": 0, "codes": {}}


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_of_another_version_is_refused_naming_both_versions_and_disturbs_nobody(
    kind: str, peers: Make, directory: Path
) -> None:
    pair = Pair(peers(kind), peers(kind), "calc")
    heard: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()

    def be_of_another_version(client: raw.Connection) -> None:
        client.send(raw.hello(99, 7))
        heard.put(client.refusal())

    path = str(directory / "other.socket")
    with raw.server(path, be_of_another_version):
        error = pair.client.start("connect", **{"as": "o"}, address=f"unix://{path}").error()
    assert error.code == "failed_precondition"
    assert _names_both_versions(error.message), error.message
    code, message = heard.get(timeout=raw.PATIENCE)
    assert code == FAILED_PRECONDITION
    assert _names_both_versions(message), message
    assert pair.call("add", 1) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_text_of_a_server_that_is_no_utf8_arrives_as_it_can(kind: str, peers: Make, directory: Path) -> None:
    peer = peers(kind)
    message = b"caf\xe9"

    def fail(client: raw.Connection) -> None:
        client.send(raw.hello(methods=(b"f", b"caf\xe9")))
        client.methods()
        with contextlib.suppress(struct.error):  # of the end
            while client.frame()[0] != raw.REQUEST:
                pass
            client.send(raw.frame(raw.ERROR, 1, struct.pack("<BBHI", 5, 0, 0, len(message)) + message))
            client.wait_until_closed()

    path = str(directory / "other.socket")
    with raw.server(path, fail):
        peer.do("connect", **{"as": "o"}, address=f"unix://{path}")
        assert not peer.do("has", on="o", method="g")
        error = peer.start("call", on="o", method="f", args=[]).error()
        peer.do("close", on="o")
    assert (error.code, error.message) == ("not_found", "caf\ufffd")
    assert error.told["name"] == "RemoteError"  # although it came without details


def _memory_of(peer: Peer, field: str) -> int:
    """In bytes; VmRSS is what is used now, VmHWM the most that ever was."""
    status = Path(f"/proc/{peer.pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) * 1024


@pytest.mark.parametrize("kind", KINDS)
def test_who_calls_and_never_reads_takes_bounded_memory_and_disturbs_nobody(kind: str, peers: Make) -> None:
    pair = Pair(peers("asyncio"), peers(kind, reuse=False), "calc")
    before = _memory_of(pair.server, "VmRSS")
    caller = raw.connect(pair.of_server()["path"])
    caller.send(raw.hello())
    methods = caller.methods()
    two_mebibytes = b"\x91\xce\x00\x20\x00\x00"
    for number in range(1, 1024):
        caller.send(raw.request(number, methods["zeros"], two_mebibytes))
        if number % 100 == 0:
            assert pair.call("add", number) == number
    caller.send(raw.request(1024, methods["note"], b"\x91\x01"))
    pair.server.event("noted")  # calls start in order: those before it have been handled, or are in a few threads
    assert pair.call("size", bytes(1000)) == 1000
    # Of 2046 MiB of results 256 are kept for it; the rest is what the language has not yet given back.
    assert _memory_of(pair.server, "VmHWM") - before < MOST_MEMORY

    # More calls than the grant has room for are a violation. How many more depends on what the socket has taken.
    with contextlib.suppress(ConnectionError):
        for number in itertools.count(1025):
            caller.send(raw.request(number, methods["zeros"], two_mebibytes))
    while pair.of_server()["connections"] > 1:
        pass
    assert pair.call("add", 1) == 1
    caller.close()


def test_who_does_not_finish_a_handshake_is_closed_in_time(peers: Make, directory: Path) -> None:
    strangers = []
    servers = {kind: peers(kind) for kind in KINDS}
    for kind, server in servers.items():
        server.do("serve", **{"as": "s"}, address=kind)
        path = server.do("server_status", **{"as": "s"})["path"]
        for said in (b"", raw.hello()[:1], raw.hello()[:-1]):
            strangers.append(raw.connect(path))
            strangers[-1].send(said)
    for stranger in strangers:
        stranger.wait_until_closed()
        stranger.close()
    for kind, server in servers.items():
        server.do("connect", **{"as": "c"}, address=kind)
        assert server.do("call", on="c", method="add", args=[1]) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_says_nothing_is_waited_for_no_longer_than_asked(kind: str, peers: Make, directory: Path) -> None:
    path = str(directory / "silent.socket")
    with raw.server(path, lambda client: client.wait_until_closed()):
        error = (
            peers(kind)
            .start("connect", **{"as": "c"}, address=f"unix://{path}", options={"connect_timeout": 0.2})
            .error()
        )
    assert error.code == "unavailable"
    assert "whoever listens there does not answer" in error.message
    assert error.told["sent"] == "no"


GREETINGS = {
    "a web server's": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    "a short one": b"-ERR\r\n",
    "a database's": struct.pack("<IB", 74, 10) + b"8.0.36\0" + bytes(67),
    "one of another magic": raw.hello().replace(b"IBRIDGE1", b"IBRIDGE9"),
}


@pytest.mark.parametrize("said", GREETINGS.values(), ids=GREETINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_program_that_speaks_another_protocol_is_told_at_once(
    kind: str, said: bytes, peers: Make, directory: Path
) -> None:
    def speak(client: raw.Connection) -> None:
        client.send(said)
        client.wait_until_closed()

    path = str(directory / "other.socket")
    with raw.server(path, speak):
        error = peers(kind).start("connect", **{"as": "c"}, address=f"unix://{path}", options=FOR_EVER).error()
    assert error.code == "failed_precondition"
    assert f"what listens at unix://{path} is no ipcbridge service" in error.message


@pytest.mark.parametrize("transport", ["shm", "unix"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_connections_of_a_server_without_descriptors_go_on(
    kind: str, transport: str, peers: Make, directory: Path
) -> None:
    address = make_address(transport, directory)
    pair = Pair(peers("asyncio"), peers(kind, "prlimit", "--nofile=64:64"), address)
    seen = pair.client.do("crowd", address=address, count=80, options={"connect_timeout": 0.5})
    assert seen["codes"], "the server had descriptors for all"
    assert pair.call("add", 1, 2) == 3
    assert pair.call("size", bytes(100_000)) == 100_000
    burst = pair.client.do("burst", on="c", method="add", count=1000, in_flight=8)
    assert burst == {"ok": 1000, "wrong": 0, "twice": 0, "codes": {}}
