"""A C++ service, called from each language: examples/cpp/service.cpp."""

from __future__ import annotations

import subprocess
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import ROOT, Peer
from pairs import KINDS, TRANSPORTS, make_address
from programs import run, running

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


def test_arrays_are_binary_values_with_a_subtype(client: Peer) -> None:
    array = {"array": ["<f8", [1, 2], "000000000000f03f000000000000f07f"]}
    error = client.start("call", on="c", method="fail", args=["no", array]).error()
    told = {"array": ["float64", *array["array"][1:]]}
    assert error.told["details"] == {"object": [["asked", ["no", told]]]}


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


def test_a_handler_is_told_that_its_caller_is_of_cpp(peers: Callable[..., Peer], directory: Path) -> None:
    for kind in KINDS:
        peers(kind).do("serve", **{"as": "s"}, address=f"calc-{kind}")
        client = [str(SERVICE.with_name("client")), f"calc-{kind}", "who"]
        assert '"c++"' in subprocess.run(client, capture_output=True, text=True).stdout


# What C++ does not take is passed to it, and what the calls throw is printed. They end when all has been given back.
REFUSED_BY_A_SERVICE = {
    "node": """
        const calc = await ipc.connect(address)
        const object = ipc.proxy({ read: () => 7 })
        const retained = ipc.retain(x => x)
        const deep = [new Map([['key', retained]]), object]
        for (const each of [ipc.stream([1, 2]), x => x, retained, deep, ipc.kwargs({ object })]) {
          await calc.add(1, each).catch(error => console.log(`${error.code}: ${error.message}`))
        }
    """,
    "blocking": """
        import gc, time, weakref
        class Row:
            def read(self): return 7
        calc = ipc.connect(address)
        row, function = Row(), lambda: 7
        gone = [weakref.ref(row), weakref.ref(function)]
        passed = [ipc.stream([1, 2]), lambda: 7, ipc.retain(function), [{1: ipc.retain(function)}, ipc.proxy(row)]]
        def call(*args, **kwargs):
            try:
                calc.add(*args, **kwargs)
            except ipc.IpcError as error:
                print(f"{error.code}: {error}")
        while passed:
            call(1, passed.pop(0))
        call(1, object=ipc.proxy(row))
        del row, function
        while any(each() for each in gone):
            gc.collect()
            time.sleep(0.001)
    """,
    "asyncio": """
        import asyncio, gc, weakref
        from ipcbridge import aio
        class Row:
            def read(self): return 7
        async def main():
            calc = await aio.connect(address)
            row, function = Row(), lambda: 7
            gone = [weakref.ref(row), weakref.ref(function)]
            passed = [ipc.stream([1, 2]), lambda: 7, ipc.retain(function), [{1: ipc.retain(function)}, ipc.proxy(row)]]
            async def call(*args, **kwargs):
                try:
                    await calc.add(*args, **kwargs)
                except ipc.IpcError as error:
                    print(f"{error.code}: {error}")
            while passed:
                await call(1, passed.pop(0))
            await call(1, object=ipc.proxy(row))
            del row, function
            while any(each() for each in gone):
                gc.collect()
                await asyncio.sleep(0.001)
        asyncio.run(main())
    """,
}

PASSES_TO_A_CLIENT = {
    "node": """
        const retained = ipc.retain(x => x)
        const object = ipc.proxy({ read: () => 7 })
        await ipc.serve(address, { *rows() { yield 1 }, call: () => retained, open: () => ({ in: [object] }) })
        console.log('serving')
    """,
    "python": """
        import sys
        class Row:
            def read(self): return 7
        class Service:
            def rows(self): yield 1
            def call(self): return ipc.retain(len)
            def open(self): return {"in": [ipc.proxy(Row())]}
        server = ipc.serve(address, Service())
        print("serving", flush=True)
        sys.stdin.read()
    """,
}


def program(language: str, address: str, text: str) -> str:
    declared = f"const address = {address!r}" if language == "node" else f"address = {address!r}"
    return f"{declared}\n{textwrap.dedent(text)}"


@pytest.mark.parametrize("kind", REFUSED_BY_A_SERVICE)
def test_a_service_takes_no_streams_and_gives_back_functions_and_objects(kind: str, address: str, start: Start) -> None:
    start()
    language = "node" if kind == "node" else "python"
    ended = run(language, program(language, address, REFUSED_BY_A_SERVICE[kind]))
    assert ended.returncode == 0, ended.stderr
    stream, *others = ended.stdout.splitlines()
    assert stream == "unimplemented: the other side takes no streams: send a list"
    has = "unimplemented: the arguments have a function, or an object by reference, and C++ takes values only"
    assert [each.partition(": send")[0] for each in others] == [has] * 4


@pytest.mark.parametrize("language", PASSES_TO_A_CLIENT)
def test_a_client_takes_no_streams_functions_and_objects(language: str, address: str) -> None:
    def said(method: str) -> str:
        client = [str(SERVICE.with_name("client")), address, method]
        ended = subprocess.run(client, capture_output=True, text=True, check=False)
        assert ended.returncode == 1
        return ended.stderr

    with running(language, program(language, address, PASSES_TO_A_CLIENT[language])):
        assert "the other side takes no streams: send a list" in said("rows")
        for method in ("call", "open"):
            assert said(method).startswith("unimplemented: the result has a function, or an object by reference")
