"""A C++ service, called from each language: examples/cpp/service.cpp."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import ROOT, Peer
from pairs import KINDS, TRANSPORTS, make_address

SERVICE = ROOT / "build" / "dev" / "examples" / "service"
pytestmark = pytest.mark.skipif(not SERVICE.exists(), reason="examples/cpp has not been built")

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(address: str, directory: Path) -> Iterator[Start]:
    """Starts the service, as a process that ends with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def make() -> subprocess.Popen[bytes]:
        service = subprocess.Popen([str(SERVICE), address], stdout=subprocess.PIPE)
        started.append(service)
        assert service.stdout is not None
        assert service.stdout.readline()
        return service

    yield make
    for service in started:
        service.kill()
        service.communicate()


@pytest.fixture(params=TRANSPORTS)
def address(request: pytest.FixtureRequest, directory: Path) -> str:
    return make_address(request.param, directory, "mathcpp")


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, address: str, start: Start, peers: Callable[..., Peer]) -> Peer:
    peer = peers(request.param)
    peer.service = start()
    peer.do("connect", **{"as": "c"}, address=address, options={"connect_timeout": 5})
    return peer


def test_calls_are_answered(client: Peer) -> None:
    assert client.do("call", on="c", method="add", args=[2, 3]) in (5, {"float": "5.0"})
    assert client.do("call", on="c", method="reverse", args=["aé漢😀"]) == "😀漢éa"
    assert client.do("burst", on="c", method="add", count=3000, in_flight=32)["ok"] == 3000


def test_errors_carry_their_code_and_details(client: Peer) -> None:
    error = client.start("call", on="c", method="fail", args=["no such thing"]).error()
    assert (error.code, error.message) == ("not_found", "no such thing")
    assert error.told["details"] == {"object": [["asked", ["no such thing"]]]}
    assert client.start("call", on="c", method="ad", by_name=True).error().code == "unimplemented"


def test_a_killed_service_is_unavailable_and_its_successor_is_found(client: Peer, start: Start) -> None:
    burst = client.start("burst", on="c", method="add", count=10_000, in_flight=32)
    client.event("underway")
    client.service.kill()
    client.service.wait()
    start()
    tally = burst.result()
    assert tally["ok"] + sum(tally["codes"].values()) == 10_000
    assert tally["codes"].keys() <= {"unavailable, sent maybe", "unavailable, sent no"}
    assert client.do("call", on="c", method="reverse", args=["abc"]) == "cba"


def test_the_client_program_calls_any_service(peers: Callable[..., Peer], directory: Path) -> None:
    for kind in KINDS:
        peers(kind).do("serve", **{"as": "s"}, address=f"calc-{kind}")
        client = [str(SERVICE.with_name("client")), f"calc-{kind}"]
        assert subprocess.run([*client, "add", "2", "3"], capture_output=True, text=True).stdout == "5\n"
        failed = subprocess.run([*client, "refuse", "not_found", "null"], capture_output=True, text=True)
        assert failed.returncode == 1
        assert "refused as asked" in failed.stderr
