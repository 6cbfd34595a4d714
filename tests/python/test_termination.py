"""SIGTERM ends a service that waits in good order, and leaves no socket behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from children import Children, can_unshare

SERVICES = {
    "wait": """
with ipc.serve('mine', {'slow': slow}) as server:
    server.wait()
""",
    "run": """
with ipc.serve('mine', {'slow': slow}) as server:
    server.run()
""",
    "without a block": """
server = ipc.serve('mine', {'slow': slow})
server.wait()
""",
    "asyncio": """
async def main():
    async with await aio.serve('mine', {'slow': slow}) as server:
        await server.wait()
asyncio.run(main())
""",
}
SLOW = """
def say_when_ready():
    while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        time.sleep(0.001)
    say('ready')
threading.Thread(target=say_when_ready).start()
async def slow():
    say('begun')
    await asyncio.to_thread(sys.stdin.readline)
    return 'done'
"""


def sockets(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.is_socket()]


@pytest.mark.parametrize("service", SERVICES)
def test_sigterm_ends_a_service(service: str, children: Children, names_directory: Path) -> None:
    server = children.run(SLOW + SERVICES[service])
    server.expect("ready")
    assert sockets(names_directory) != []
    server.terminate()
    assert server.rest() == ("", "")
    assert server.returncode == 128 + signal.SIGTERM
    assert sockets(names_directory) == []


@pytest.mark.parametrize("service", ["wait", "run", "asyncio"])
def test_sigterm_lets_calls_finish(service: str, children: Children, connect: Any) -> None:
    server = children.run(SLOW + SERVICES[service])
    server.expect("ready")
    client = children.run("say(ipc.connect('mine').slow())")
    server.expect("begun")
    server.terminate()
    server.go_on()
    client.expect("done")
    assert server.rest() == ("", "")
    assert server.returncode == 128 + signal.SIGTERM


def test_sigterm_during_a_handler_of_run_is_no_error_of_the_handler(children: Children) -> None:
    server = children.run(
        """
        def handle():
            say('handling')
            time.sleep(600)
        with ipc.serve('mine', {'handle': handle, 'in_main': in_main}) as server:
            say('ready')
            server.run()
        """
    )
    server.expect("ready")
    client = children.run(
        """
        mine = ipc.connect('mine')
        while not mine.in_main(): pass
        try: mine.handle()
        except ipc.IpcError: say('failed')
        """
    )
    server.expect("handling")
    server.terminate()
    client.expect("failed")
    server.rest()
    assert server.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize("how", ["wait", "run"])
def test_a_handler_of_the_program_s_own_has_the_signal(how: str, children: Children) -> None:
    server = children.run(
        f"""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        with ipc.serve('mine', {{'f': len}}) as server:
            say('ready')
            server.{how}()
        """
    )
    server.expect("ready")
    server.terminate()
    assert server.rest() == ("", "")
    assert server.returncode == 7


@pytest.mark.skipif(not can_unshare(), reason="no new PID namespace can be had")
@pytest.mark.parametrize("service", ["wait", "run", "asyncio"])
def test_the_first_process_of_a_container_is_ended_too(service: str, children: Children, names_directory: Path) -> None:
    server = children.run_in_container(f"assert os.getpid() == 1\n{SLOW}{SERVICES[service]}")
    server.expect("ready")
    first = int(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()[0])
    os.kill(first, signal.SIGTERM)
    assert server.rest() == ("", "")
    assert server.returncode == 128 + signal.SIGTERM
    assert sockets(names_directory) == []
