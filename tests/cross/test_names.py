"""Names, and the files behind them: removed, moved, mounted over, left behind, of other containers and users."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Command, Peer
from pairs import KINDS

Make = Callable[..., Peer]
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root for namespaces, mounts and other users")
NOBODY = pwd.getpwnam("nobody").pw_uid
CONTAINER = ("unshare", "--pid", "--fork", "--kill-child")


def serve(peer: Peer, address: str, **options: Any) -> Command:
    return peer.start("serve", **{"as": "s"}, address=address, options=options)


def status(peer: Peer) -> Any:
    return peer.do("server_status", **{"as": "s"})


def connect(peer: Peer, address: str) -> int:
    """Connects anew; the pid of who answers."""
    peer.do("connect", **{"as": "c"}, address=address)
    answer: int = peer.do("call", on="c", method="pid")
    return answer


def path_of(address: str) -> str:
    return address.split("://")[1] if "://" in address else f"{os.environ['IPCBRIDGE_DIR']}/{address}.sock"


def remove(path: str) -> None:
    """As who cleans up a directory does."""
    os.unlink(path)
    os.unlink(path + ".lock")


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, peers: Make, address: str) -> Peer:
    peer = peers(request.param)
    serve(peer, address).result()
    peer.do("watch_server", **{"as": "s"})
    return peer


@pytest.fixture
def client(peers: Make) -> Peer:
    return peers("blocking")


@needs_root
@pytest.mark.parametrize("kind", KINDS)
def test_two_containers_with_the_same_process_ids_do_not_displace_each_other(
    kind: str, peers: Make, client: Peer, address: str
) -> None:
    first, second = peers(kind, *CONTAINER), peers("blocking", *CONTAINER)
    serve(first, address).result()
    assert connect(client, address) == 1
    error = serve(second, address, takeover_timeout=0.2).error()
    assert error.code == "already_exists"
    assert "process 1 of another container" in error.message
    assert status(first)["state"] == "listening"


def test_a_server_whose_socket_is_removed_listens_anew(server: Peer, client: Peer, address: str) -> None:
    path = status(server)["path"]
    assert connect(client, address) == server.pid
    remove(path)
    assert connect(client, address) == server.pid
    os.unlink(path)
    assert connect(client, address) == server.pid
    os.unlink(path + ".lock")
    while not os.path.exists(path + ".lock"):
        pass
    assert connect(client, address) == server.pid
    assert status(server)["state"] == "listening"


def test_a_server_whose_name_another_has_taken_meanwhile_closes_and_says_so(
    server: Peer, peers: Make, client: Peer, address: str
) -> None:
    other = peers("blocking")
    server.signal(signal.SIGSTOP)
    remove(path_of(address))
    serve(other, address).result()
    server.signal(signal.SIGCONT)
    assert [server.event("server state") for _ in range(2)] == [
        {"event": "server state", "state": "closing", "code": None},
        {"event": "server state", "state": "closed", "code": "aborted"},
    ]
    assert connect(client, address) == other.pid


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_whose_directory_is_moved_comes_back_with_it_or_closes(
    kind: str, peers: Make, client: Peer, directory: Path
) -> None:
    place = directory / "place"
    place.mkdir()
    server, address = peers(kind), f"unix://{place}/calc"
    serve(server, address, takeover_timeout=30).result()
    place.rename(directory / "moved")
    place.mkdir()
    assert connect(client, address) == server.pid
    shutil.rmtree(directory / "moved")

    serve(server, f"unix://{place}/brief", takeover_timeout=0.1).result()
    server.do("watch_server", **{"as": "s"})
    place.rename(directory / "moved")
    told = [server.event("server state") for _ in range(2)]
    assert [event["state"] for event in told] == ["closing", "closed"]
    assert told[1]["code"] == "failed_precondition"


@pytest.fixture
def mounts() -> Iterator[tuple[str, ...]]:
    """What to run a program with for it to be in a mount namespace with a /run/user of its own, which is empty."""
    script = "mount --make-rprivate / && mount -t tmpfs none /run/user && echo ready && exec cat"
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        yield ("nsenter", "--mount", "--target", str(holder.pid))
        holder.communicate()


def run(*command: str) -> None:
    subprocess.run(command, check=True)


@needs_root
@pytest.mark.parametrize("kind", KINDS)
def test_a_name_is_found_when_a_session_of_the_user_begins_or_ends(kind: str, peers: Make, mounts: Any) -> None:
    name, session = f"names-{os.getpid()}", f"/run/user/{os.getuid()}"
    server, client = peers(kind, *mounts), peers(kind, *mounts)
    for peer in (server, client):
        peer.do("directory", path="")
    serve(server, name).result()
    assert status(server)["path"] == f"/tmp/ipcbridge-{os.getuid()}/{name}.sock"
    pid = connect(client, name)

    run(*mounts, "mkdir", session)
    run(*mounts, "mount", "-t", "tmpfs", "-o", "mode=0700", "none", session)
    assert connect(client, name) == pid
    assert status(server)["path"] == f"{session}/ipcbridge/{name}.sock"

    run(*mounts, "umount", "--lazy", session)
    run(*mounts, "sh", "-c", f"until rm -rf {session}; do :; done")  # the service may be there again already
    while status(server)["path"].startswith(session):
        pass
    assert connect(client, name) == pid
    assert status(server)["path"] == f"/tmp/ipcbridge-{os.getuid()}/{name}.sock"


@needs_root
@pytest.mark.parametrize("kind", KINDS)
def test_what_another_user_left_in_a_sticky_directory_is_told_with_a_remedy(
    kind: str, peers: Make, directory: Path
) -> None:
    directory.chmod(0o755)
    place = directory / "sticky"
    place.mkdir()
    place.chmod(0o1777)
    (place / "calc.lock").touch(mode=0o600)
    peer = peers(kind, reuse=False)
    peer.do("become", uid=NOBODY)
    error = serve(peer, f"unix://{place}/calc").error()
    assert error.code == "permission_denied"
    assert "belongs to user 0" in error.message
    assert "only that user or root can remove it" in error.message


@needs_root
@pytest.mark.parametrize("kind", KINDS)
def test_a_directory_of_names_that_cannot_be_written_to_is_told_with_a_remedy(
    kind: str, peers: Make, directory: Path
) -> None:
    directory.chmod(0o755)
    place = directory / "closed"
    place.mkdir(mode=0o500)
    os.chown(place, NOBODY, -1)
    peer = peers(kind, reuse=False)
    peer.do("directory", path=str(place))
    peer.do("become", uid=NOBODY)
    error = serve(peer, "calc").error()
    assert error.code == "permission_denied"
    assert f"no service can write to the directory of service names, {place}" in error.message
    assert "set IPCBRIDGE_DIR to a directory of your own, that is for nothing else" in error.message


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_killed_server_left_hinders_nobody(kind: str, peers: Make, client: Peer, address: str) -> None:
    first, second = peers(kind, reuse=False), peers(kind)
    serve(first, address).result()
    first.kill()
    assert os.path.exists(path_of(address))
    serve(second, address, takeover="fail").result()
    assert connect(client, address) == second.pid


@pytest.mark.parametrize("kind", KINDS)
def test_the_directory_of_names_is_made_with_its_parents(kind: str, peers: Make, directory: Path) -> None:
    peer, deep = peers(kind), directory / "a" / "b"
    peer.do("directory", path=str(deep))
    serve(peer, "calc").result()
    assert [path.stat().st_mode & 0o777 for path in (directory / "a", deep)] == [0o700, 0o700]


@pytest.mark.parametrize("kind", KINDS)
def test_a_uid_is_a_number_and_a_name_a_string(kind: str, peers: Make, address: str) -> None:
    peer = peers(kind)
    error = serve(peer, address, allow=["1000"]).error()
    assert error.code == "invalid_argument"
    assert "as a number, 1000" in error.message
    error = serve(peer, address, allow=["no-such-user"]).error()
    assert error.code == "invalid_argument"
    assert "no user 'no-such-user'" in error.message
    error = serve(peer, address, allow=["group:no-such-group"]).error()
    assert "no group 'no-such-group'" in error.message
    serve(peer, address, allow=[1000, "nobody", "group:1000"]).result()
