"""Two containers that share a directory: namespaces of mounts, pids and users, two users, both the first process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import Peer
from pairs import BETWEEN_LANGUAGES

USERS = (1000, 1001)  # of the client's container, and of the server's
FIRST_OF_RANGE = 100_000  # what is user 0 in a user namespace
APART = ("unshare", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child")
NO_RIGHTS = ("--clear-groups", "--inh-caps=-all", "--ambient-caps=-all")
# Where it is told to go on, it has its map of users; then the shared directory is where this container mounts it alone.
BEGIN = 'read _ && exec setpriv --reuid=0 --regid=0 --clear-groups sh -c "$0" "$@"'
MOUNT = 'mount --bind "$0" "$1" && mount -t tmpfs none "$0" && shift && exec setpriv "$@"'


def _can_be_had() -> bool:
    if os.getuid() != 0 or shutil.which("unshare") is None or shutil.which("setpriv") is None:
        return False
    probe = [*APART, "--user", "--map-root-user", "true"]
    return subprocess.run(probe, capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not _can_be_had(), reason="needs root, and namespaces")
Contain = Callable[[str, int, str], Peer]


def _map_users(pid: int) -> None:
    while os.readlink(f"/proc/{pid}/ns/user") == os.readlink("/proc/self/ns/user"):  # it has not come to unshare it
        time.sleep(0.001)
    for kind in ("uid", "gid"):
        Path(f"/proc/{pid}/{kind}_map").write_text(f"0 {FIRST_OF_RANGE} 65536")


@pytest.fixture(params=[False, True], ids=["one-user-namespace", "user-namespaces"])
def contain(request: pytest.FixtureRequest, directory: Path) -> Iterator[Contain]:
    """Starts a peer of a kind as the first process, as a user; the shared directory is at a path of that name."""
    shared = directory / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    directory.chmod(0o755)
    contained: list[Peer] = []

    def start(kind: str, user: int, mounted: str) -> Peer:
        at = directory / mounted
        at.mkdir()
        own = ("--user", "--keep-caps") if request.param else ()
        become = (f"--reuid={user}", f"--regid={user}", *NO_RIGHTS)
        peer = Peer(kind, (*APART, *own, "sh", "-c", BEGIN, MOUNT, str(shared), str(at), *become))
        contained.append(peer)
        if request.param:
            _map_users(peer.pid)
        assert peer.process.stdin is not None
        peer.process.stdin.write("\n")
        try:
            peer.do("directory", path=str(at))
        except EOFError as error:
            if "failed to execute" in str(error):
                pytest.skip(f"other users cannot run {sys.executable}")
            raise
        return peer

    yield start
    for peer in contained:
        peer.dispose()


def _address(directory: Path, mounted: str) -> str:
    return f"shm://{directory / mounted}/calc.socket"


@pytest.mark.parametrize("kinds", [("node", "node"), *BETWEEN_LANGUAGES], ids="-to-".join)
def test_they_call_each_other_as_users_that_are_allowed(
    kinds: tuple[str, str], contain: Contain, directory: Path
) -> None:
    server = contain(kinds[1], USERS[1], "ipc")
    client = contain(kinds[0], USERS[0], "app")
    options = {"mode": 0o666, "allow": [USERS[0]]}
    server.do("serve", **{"as": "s"}, address=_address(directory, "ipc"), options=options)
    told = client.do("connect", **{"as": "c"}, address=_address(directory, "app"), options={"allow": [USERS[1]]})
    assert client.do("call", on="c", method="add", args=[1, 2]) == 3
    assert told["transport"] == "shm"
    peer = told["peer"] if kinds[0] == "node" else {"pid": told["peer_pid"], "uid": told["peer_uid"]}
    assert peer == {"pid": None, "uid": USERS[1]}


@pytest.mark.parametrize("kind", ["node", "blocking"])
def test_one_that_is_not_allowed_is_told_who_it_is(kind: str, contain: Contain, directory: Path) -> None:
    server = contain(kind, USERS[1], "ipc")
    client = contain(kind, USERS[0], "app")
    server.do("serve", **{"as": "s"}, address=_address(directory, "ipc"), options={"mode": 0o666})
    error = client.start(
        "connect",
        **{"as": "c"},
        address=_address(directory, "app"),
        options={"allow": [USERS[1]], "connect_timeout": 0.2},
    ).error()
    assert error.code == "permission_denied"
    assert f"user {USERS[0]} is not allowed" in error.message
