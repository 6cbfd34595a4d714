"""Peers that should not be there: other users, garbage, and those who never finish what they say."""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import raw
from harness import Peer
from pairs import KINDS, Pair

Make = Callable[..., Peer]
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody else")
NOBODY = pwd.getpwnam("nobody").pw_uid
RESOURCE_EXHAUSTED = 8
MEBIBYTE = 1 << 20


@pytest.fixture
def public(directory: Path) -> str:
    """An address whose socket anybody may open."""
    open_to_all = directory / "public"
    open_to_all.mkdir()
    directory.chmod(0o755)
    open_to_all.chmod(0o777)
    return f"shm://{open_to_all}/calc.socket"


@pytest.fixture
def nobody(peers: Make) -> Callable[[str], Peer]:
    def make(kind: str) -> Peer:
        peer = peers(kind, reuse=False)
        peer.do("become", uid=NOBODY)
        return peer

    return make


@needs_root
def test_a_client_of_another_user_is_refused_unless_it_is_allowed(
    kinds: tuple[str, str], public: str, peers: Make, nobody: Callable[[str], Peer]
) -> None:
    server, stranger = peers(kinds[1]), nobody(kinds[0])
    pair = Pair(peers(kinds[0]), server, public, serve={"mode": 0o666})
    error = stranger.start(
        "connect", **{"as": "c"}, address=public, options={"connect_timeout": 0.2, "allow": [0]}
    ).error()
    assert error.code == "permission_denied"
    assert pair.call("add", 1) == 1
    assert pair.of_server()["connections"] == 1
    allowing = public.replace("calc", "other")
    server.do("serve", **{"as": "other"}, address=allowing, options={"mode": 0o666, "allow": ["nobody"]})
    stranger.do("connect", **{"as": "o"}, address=allowing)
    assert stranger.do("call", on="o", method="add", args=[1]) == 1


@needs_root
@pytest.mark.parametrize("kind", KINDS)
def test_a_server_of_another_user_is_refused_unless_it_is_allowed(
    kind: str, public: str, peers: Make, nobody: Callable[[str], Peer]
) -> None:
    nobody(kind).do("serve", **{"as": "s"}, address=public)
    client = peers(kind)
    error = client.start("connect", **{"as": "c"}, address=public, options={"connect_timeout": 0.2}).error()
    assert error.code == "permission_denied"
    client.do("connect", **{"as": "c"}, address=public, options={"allow": [NOBODY]})
    assert client.do("call", on="c", method="add", args=[1]) == 1


@needs_root
@pytest.mark.parametrize("kind", KINDS)
def test_a_directory_of_names_of_another_user_or_behind_a_link_is_refused(
    kind: str, directory: Path, peers: Make
) -> None:
    foreign, link = directory / "foreign", directory / "link"
    foreign.mkdir(mode=0o700)
    link.symlink_to(directory)
    os.chown(foreign, NOBODY, -1)
    peer = peers(kind)
    for path in (foreign, link):
        peer.do("directory", path=str(path))
        for error in (
            peer.start("serve", **{"as": "s"}, address="calc").error(),
            peer.start("connect", **{"as": "c"}, address="calc").error(),
        ):
            assert error.code == "failed_precondition"
            assert str(path) in error.message


@contextlib.contextmanager
def _as_user(uid: int) -> Iterator[None]:
    """Whom the kernel names to the other end is decided when a socket connects."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


@needs_root
@pytest.mark.parametrize("kind", KINDS)
def test_a_greedy_user_is_refused_at_the_sum_of_its_connections_and_others_are_served(
    kind: str, public: str, peers: Make
) -> None:
    connections, fit = 12, 4
    limits = {"max_bytes_per_user": fit * MEBIBYTE + MEBIBYTE // 2}
    pair = Pair(peers("asyncio"), peers(kind), public, serve={"mode": 0o666, "allow": ["nobody"], "limits": limits})
    with _as_user(NOBODY):
        greedy = [raw.connect(pair.of_server()["path"]) for _ in range(connections)]
    for connection in greedy:
        connection.send(raw.hello())
        size = connection.methods()["size"]
        connection.send(raw.unfinished(1, size, MEBIBYTE) + raw.frame(raw.PING, 7))
        assert connection.frame()[0] == raw.PONG, "the connection goes on"
        assert pair.call("size", bytes(MEBIBYTE)) == MEBIBYTE

    answers = []
    for connection in greedy:
        connection.send(raw.last(1, MEBIBYTE))
        answers.append(connection.frame())
    assert [kind for kind, _ in answers] == fit * [raw.REPLY] + (connections - fit) * [raw.ERROR]
    for _, body in answers[fit:]:
        assert body[0] == RESOURCE_EXHAUSTED
        assert str(limits["max_bytes_per_user"]) in body.decode(errors="replace")

    again = greedy[-1]
    again.send(raw.unfinished(2, size, MEBIBYTE) + raw.last(2, MEBIBYTE))
    assert again.frame()[0] == raw.REPLY, "what was answered is kept no longer"
    for connection in greedy:
        connection.close()


def _socket_of(pair: Pair) -> socket.socket:
    stranger = socket.socket(socket.AF_UNIX)
    stranger.connect(pair.of_server()["path"])
    stranger.settimeout(10)
    return stranger


def test_garbage_ends_only_the_connection_it_came_on(pair: Pair) -> None:
    burst = pair.client.start("burst", on="c", method="add", count=5000, in_flight=8)
    rng = random.Random(5)
    for _ in range(30):
        with _socket_of(pair) as stranger:
            try:
                stranger.sendall(rng.randbytes(rng.choice([16, 100, 5000])))
                while stranger.recv(4096):
                    pass
            except ConnectionError:
                pass
    assert burst.result() == {"ok": 5000, "wrong": 0, "twice": 0, "codes": {}}
    while pair.of_server()["connections"] > 1:
        pass


def test_who_never_finishes_a_hello_disturbs_nobody(pair: Pair) -> None:
    slow = [_socket_of(pair) for _ in range(50)]
    hello = bytes([200, 0, 0, 0, 1, 0, 0, 0, *bytes(8)])
    burst = pair.client.start("burst", on="c", method="add", count=5000, in_flight=8)
    for byte in hello:
        for stranger in slow:
            stranger.send(bytes([byte]))
    assert burst.result()["ok"] == 5000
    for stranger in slow:
        stranger.close()
    assert pair.call("add", 1) == 1
