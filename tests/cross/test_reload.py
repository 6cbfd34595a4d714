"""A server that is stopped and started again, as reloaders do it, while clients call all the time: no call fails."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness import COMMANDS, HERE, PATIENCE, Command, Peer
from pairs import KINDS

Make = Callable[..., Peer]
CALLS = 3_000
# A call takes a millisecond, so that there are some left when the server is stopped.
PYTHON = """
import asyncio, sys, time
import ipcbridge as ipc
from ipcbridge import aio
options = {"takeover": sys.argv[1], "takeover_timeout": 30}
"""
SERVICES = {
    "node": """
        import ipc from 'ipcbridge'
        import { setTimeout } from 'node:timers/promises'
        const add = async (a, b) => { await setTimeout(1); return a + b }
        const options = { takeover: process.argv[1], takeoverTimeout: 30_000 }
        ipc.closeOnSignals(await ipc.serve('calc', { add, pid: () => process.pid }, options))
        console.log('ready')
    """,
    "blocking": PYTHON
    + """
import os
def add(a, b):
    time.sleep(0.001)
    return a + b
server = ipc.serve("calc", {"add": add, "pid": os.getpid}, **options)
ipc.close_on_signals(server)
print("ready", flush=True)
server.wait()
""",
    "asyncio": PYTHON
    + """
import os
async def add(a, b):
    await asyncio.sleep(0.001)
    return a + b
async def main():
    async with aio.serve("calc", {"add": add, "pid": os.getpid}, **options) as server:
        aio.close_on_signals(server)
        print("ready", flush=True)
        await server.wait()
asyncio.run(main())
""",
}


class Program:
    """A service's process."""

    def __init__(self, kind: str, takeover: str) -> None:
        command = [COMMANDS["node"][0], "--input-type=module", "-e"] if kind == "node" else [sys.executable, "-c"]
        self.process = subprocess.Popen([*command, SERVICES[kind], takeover], cwd=HERE, stdout=subprocess.PIPE)

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def expect_end(self) -> None:
        assert self.process.wait(PATIENCE) == 128 + signal.SIGTERM


@pytest.fixture
def start(directory: Any) -> Iterator[Callable[..., Program]]:
    started: list[Program] = []

    def start(kind: str, takeover: str = "wait", *, waits: bool = True) -> Program:
        started.append(Program(kind, takeover))
        if waits:
            started[-1].wait_until_ready()
        return started[-1]

    yield start
    for program in started:
        program.process.kill()
        program.process.communicate()


def calling(client: Peer) -> Command:
    client.do("connect", **{"as": "c"}, address="calc", options={"connect_timeout": 60})
    burst = client.start("burst", on="c", method="add", count=CALLS, in_flight=16)
    client.event("underway")
    return burst


def expect_no_failure(burst: Command, client: Peer, server: int) -> None:
    assert burst.result(3 * PATIENCE) == {"ok": CALLS, "wrong": 0, "twice": 0, "codes": {}}
    assert client.do("call", on="c", method="pid") == server


@pytest.fixture(params=[(client, server) for client in KINDS for server in KINDS], ids="-to-".join)
def kinds(request: pytest.FixtureRequest) -> tuple[str, str]:
    kinds: tuple[str, str] = request.param
    return kinds


def test_a_server_is_terminated_and_the_next_one_started_then(kinds: tuple[str, str], start: Any, peers: Make) -> None:
    first = start(kinds[1])
    client = peers(kinds[0])
    burst = calling(client)
    first.terminate()
    first.expect_end()
    assert not burst.done()
    second = start(kinds[1])
    expect_no_failure(burst, client, second.process.pid)


def test_the_next_one_waits_for_the_name_while_the_first_drains(
    kinds: tuple[str, str], start: Any, peers: Make
) -> None:
    first = start(kinds[1])
    client = peers(kinds[0])
    burst = calling(client)
    second = start(kinds[1], waits=False)
    first.terminate()
    second.wait_until_ready()
    first.expect_end()
    expect_no_failure(burst, client, second.process.pid)


def test_the_next_one_replaces_the_first(kinds: tuple[str, str], start: Any, peers: Make) -> None:
    first = start(kinds[1])
    client = peers(kinds[0])
    burst = calling(client)
    second = start(kinds[1], "replace")
    first.terminate()
    expect_no_failure(burst, client, second.process.pid)


def test_a_name_is_served_again_and_again_in_one_process(kinds: tuple[str, str], peers: Make) -> None:
    client, server = peers(kinds[0]), peers(kinds[1])
    server.do("serve", **{"as": "s"}, address="calc")
    burst = calling(client)
    for number in range(3):  # as a notebook's cell does that is run anew
        server.do("serve", **{"as": f"again {number}"}, address="calc")
    expect_no_failure(burst, client, server.pid)
