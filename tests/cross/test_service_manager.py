"""What a service manager (systemd) is told, and the sockets that it passes."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness import PATIENCE, Peer
from pairs import KINDS

Make = Callable[..., Peer]
ACTIVATED = str(Path(__file__).parent / "peers" / "activated.py")


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The socket that a service manager reads."""
    name = str(directory / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.settimeout(PATIENCE)
        made.bind(name if request.param == "path" else f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", name if request.param == "path" else f"@{name}")
        yield made


def is_silent(manager: socket.socket) -> bool:
    manager.setblocking(False)
    try:
        return not manager.recv(100)
    except BlockingIOError:
        return True
    finally:
        manager.settimeout(PATIENCE)


def serve(peer: Peer, name: str, as_: str = "s") -> None:
    peer.do("serve", **{"as": as_}, address=name)


def unserve(peer: Peer, as_: str = "s") -> None:
    peer.do("unserve", **{"as": as_}, grace=10)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_told_when_a_service_is_ready_and_when_it_stops(kind: str, manager: socket.socket, peers: Make) -> None:
    peer = peers(kind, reuse=False)
    assert is_silent(manager)
    serve(peer, "calc")
    assert manager.recv(100) == b"READY=1"
    unserve(peer)
    assert manager.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_of_several_services_stops_with_the_last(kind: str, manager: socket.socket, peers: Make) -> None:
    peer = peers(kind, reuse=False)
    serve(peer, "calc")
    serve(peer, "calc", "again")  # in place of the first
    serve(peer, "other", "other")
    assert manager.recv(100) == b"READY=1"
    unserve(peer, "again")
    assert is_silent(manager)
    unserve(peer, "other")
    assert manager.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize("where", ["/nowhere/notify", "relative", "", "vsock:2:1234", "@" + 200 * "x"])
def test_a_service_is_served_although_nobody_can_be_told(
    where: str, peers: Make, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", where)
    peer = peers("blocking", reuse=False)
    serve(peer, "calc")
    unserve(peer)


class Unit:
    """A socket unit: it listens, and starts the service's processes."""

    def __init__(self, peers: Make, path: Path, name: str) -> None:
        self._peers = peers
        self._name = name
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()

    def start(self, kind: str) -> Peer:
        descriptor = self.socket.fileno()
        prefix = (sys.executable, ACTIVATED, str(descriptor), self._name)
        return self._peers(kind, *prefix, pass_fds=(descriptor,))


@pytest.fixture
def unit(peers: Make, directory: Path) -> Iterator[Callable[..., Unit]]:
    made: list[Unit] = []

    def make(path: str, name: str = "unknown") -> Unit:
        made.append(Unit(peers, directory / path, name))
        return made[-1]

    yield make
    for each in made:
        each.socket.close()


def pid_of_service(client: Peer) -> int:
    pid: int = client.do("call", on="c", method="pid")
    return pid


@pytest.mark.parametrize("kind", KINDS)
def test_a_service_takes_the_socket_that_listens_at_its_path(kind: str, unit: Any, peers: Make) -> None:
    calc = unit("calc.sock")
    client = peers(kind)
    connecting = client.start("connect", **{"as": "c"}, address="calc")  # before anybody serves
    first = calc.start(kind)
    serve(first, "calc")
    assert connecting.result()["transport"] == "shm"
    assert pid_of_service(client) == first.pid
    assert first.do("server_status", **{"as": "s"})["path"] == str(calc.path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_socket_stays_when_the_service_ends_and_calls_wait_for_the_next(kind: str, unit: Any, peers: Make) -> None:
    calc, client = unit("calc.sock"), peers(kind)
    first = calc.start(kind)
    serve(first, "calc")
    client.do("connect", **{"as": "c"}, address="calc", options={"connect_timeout": 60})
    assert pid_of_service(client) == first.pid
    client.do("watch", on="c")
    unserve(first)
    first.dispose()
    while client.event("state")["state"] != "reconnecting":
        pass
    assert calc.path.is_socket()
    assert not calc.path.with_suffix(".sock.lock").exists()
    call = client.start("call", on="c", method="pid")
    second = calc.start(kind)
    serve(second, "calc")
    assert call.result() == second.pid


@contextmanager
def stopped(peer: Peer) -> Iterator[None]:
    """It accepts nobody meanwhile."""
    peer.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        peer.signal(signal.SIGCONT)


@pytest.mark.parametrize("kind", KINDS)
def test_workers_share_the_socket_and_each_accepts_from_it(kind: str, unit: Any, peers: Make) -> None:
    calc, client = unit("calc.sock"), peers("asyncio")
    workers = [calc.start(kind), calc.start("blocking")]
    for worker in workers:
        serve(worker, "calc")
    for name, worker, other in (("c", *workers), ("d", *reversed(workers))):
        with stopped(other):
            client.do("connect", **{"as": name}, address="calc", options={"connect_timeout": 60})
            assert client.do("call", on=name, method="pid") == worker.pid
    for name, worker in zip("cd", workers):
        assert client.do("call", on=name, method="pid") == worker.pid
    unserve(workers[0])
    assert client.do("call", on="c", method="pid") == workers[1].pid


@pytest.mark.parametrize("kind", KINDS)
def test_a_service_takes_the_socket_that_bears_its_name(kind: str, unit: Any, peers: Make) -> None:
    calc, client = unit("elsewhere", "calc"), peers(kind)
    server = calc.start(kind)
    serve(server, "calc")
    client.do("connect", **{"as": "c"}, address=f"shm://{calc.path}")
    assert pid_of_service(client) == server.pid


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_served_twice_in_one_process(kind: str, unit: Any, peers: Make) -> None:
    calc, client = unit("calc.sock"), peers(kind)
    server = calc.start(kind)
    serve(server, "calc")
    unserve(server)
    serve(server, "calc")
    client.do("connect", **{"as": "c"}, address="calc")
    assert pid_of_service(client) == server.pid


def test_sockets_that_were_passed_to_another_process_or_for_others_are_left_alone(unit: Any, peers: Make) -> None:
    for_others, of_parent = unit("elsewhere", "other"), unit("elsewhere.too", "of-another-process")
    for calc in (for_others, of_parent):
        server, client = calc.start("blocking"), peers("blocking")
        serve(server, "calc")
        client.do("connect", **{"as": "c"}, address="calc")
        assert pid_of_service(client) == server.pid
        unserve(server)
