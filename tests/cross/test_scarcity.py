"""Too few descriptors, a full disk, one CPU, and very many connections or calls."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import Peer
from pairs import KINDS, Pair, make_address, zeros

Make = Callable[..., Peer]
FEW_FILES = ("prlimit", "--nofile=64:64")
MANY_FILES = ("prlimit", "--nofile=2048:")  # often a program has 1,024, and of them a service takes fewer
REFUSALS = {"unavailable", "resource_exhausted"}


@pytest.mark.parametrize("transport", ["shm", "unix"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_server_without_descriptors_serves_whom_it_has_and_later_others(
    kind: str, transport: str, peers: Make, directory
) -> None:
    server, client = peers(kind, *FEW_FILES), peers("asyncio")
    address = make_address(transport, directory)
    server.do("serve", **{"as": "s"}, address=address)
    seen = client.do("crowd", address=address, count=80, options={"connect_timeout": 0.5})
    assert seen["ok"] > 0
    assert seen["ok"] + len(seen["codes"]) == 80
    assert seen["codes"]
    assert set(seen["codes"]) <= REFUSALS
    client.do("disperse")
    client.do("connect", **{"as": "c"}, address=address)
    assert client.do("call", on="c", method="add", args=[1]) == 1


@pytest.mark.parametrize("transport", ["shm", "unix"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_client_without_descriptors_keeps_the_connections_it_has(
    kind: str, transport: str, peers: Make, directory
) -> None:
    server, client = peers("asyncio"), peers(kind, *FEW_FILES)
    address = make_address(transport, directory)
    server.do("serve", **{"as": "s"}, address=address)
    seen = client.do("crowd", address=address, count=80, options={"connect_timeout": 0.2})
    assert seen["ok"] > 0
    assert seen["ok"] + len(seen["codes"]) == 80
    assert seen["codes"]
    assert set(seen["codes"]) <= REFUSALS


@pytest.fixture
def full_disk(directory: Path) -> Iterator[Path]:
    """A file system on which no further file can be made."""
    place = directory / "full"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "nr_inodes=8,mode=700", "none", str(place)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a file system")
    try:
        for number in itertools.count():
            try:
                (place / str(number)).touch()
            except OSError:
                break
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_refuses_new_services_and_leaves_the_others_alone(kind: str, peers: Make, full_disk: Path) -> None:
    for name in ("0", "1"):  # a socket and its lock
        (full_disk / name).unlink()
    pair = Pair(peers("node"), peers(kind), f"shm://{full_disk}/calc")
    error = pair.server.start("serve", **{"as": "new"}, address=f"shm://{full_disk}/new").error()
    assert error.code == "resource_exhausted"
    assert "No space left" in error.message
    assert pair.call("add", 1) == 1
    (full_disk / "2").unlink()
    (full_disk / "3").unlink()
    pair.server.do("serve", **{"as": "new"}, address=f"shm://{full_disk}/new")


def test_one_cpu_is_enough(kinds: tuple[str, str], peers: Make) -> None:
    one_cpu = ("taskset", "-c", "0")
    pair = Pair(peers(kinds[0], *one_cpu), peers(kinds[1], *one_cpu), "calc")
    assert pair.client.do("burst", on="c", method="add", count=3000, in_flight=1)["ok"] == 3000
    assert pair.client.do("burst", on="c", method="add", count=3000, in_flight=64)["ok"] == 3000
    assert pair.call("size", zeros(1 << 20)) == 1 << 20
    assert pair.error("hold", timeout=0.05).code == "deadline_exceeded"


@pytest.mark.parametrize(("client", "server"), [("node", "blocking"), ("blocking", "asyncio"), ("asyncio", "node")])
@pytest.mark.parametrize("transport", ["shm", "unix"])
def test_a_server_has_1000_connections(client: str, server: str, transport: str, peers: Make, directory) -> None:
    serving, calling = peers(server, *MANY_FILES, reuse=False), peers(client, *MANY_FILES, reuse=False)
    address = make_address(transport, directory)
    serving.do("serve", **{"as": "s"}, address=address)
    seen = calling.start("crowd", address=address, count=1000, options={"connect_timeout": 30}).result(60)
    assert seen == {"ok": 1000, "codes": []}
    assert serving.do("server_status", **{"as": "s"})["connections"] == 1000
    assert calling.do("call_crowd") is True


@pytest.mark.parametrize(("client", "server"), [("node", "asyncio"), ("asyncio", "node"), ("node", "blocking")])
def test_a_million_calls_at_once_each_settle_once(client: str, server: str, peers: Make) -> None:
    # Own processes, because what a million promises took is not given back soon.
    pair = Pair(peers(client, reuse=False), peers(server, reuse=False), "calc", connect={"max_queued_bytes": 1 << 30})
    tally = pair.client.start("burst", on="c", method="add", count=1_000_000).result(100)
    assert tally == {"ok": 1_000_000, "wrong": 0, "twice": 0, "codes": {}}
