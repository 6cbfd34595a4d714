"""close_on_signals(): a process that is told to end lets calls finish."""

from __future__ import annotations

import os
import signal
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest
from children import Child, Children, can_unshare

import ipcbridge as ipc
from ipcbridge import aio

PARTS = """
options = {}
def hold():
    cancellation = ipc.context().cancellation
    say('held')
    while not released.wait(0.01):
        if cancellation.is_set():
            say('cancelled')
            return 'too late'
    return 'done'
released = threading.Event()
def release():
    sys.stdin.readline()
    released.set()
threading.Thread(target=release, daemon=True).start()
service = {'hold': hold, 'pid': os.getpid}
def watch(server):
    ipc.on_state(server, lambda state, reason: say(state) if state == 'closing' else None)
import atexit
"""
SERVICES = {
    "wait": """
server = ipc.serve('calc', service)
watch(server)
ipc.close_on_signals(server, **options)
say('ready')
server.wait()
say('not to be reached')
""",
    "run": """
server = ipc.serve('calc', service)
watch(server)
ipc.close_on_signals(server, **options)
say('ready')
server.run()
say('not to be reached')
""",
    "elsewhere": """
server = ipc.serve('calc', service)
watch(server)
ipc.close_on_signals(server, **options)
say('ready')
while True:
    time.sleep(60)
""",
    "asyncio": """
async def main():
    async with aio.serve('calc', service) as server:
        watch(server)
        aio.close_on_signals(server, **options)
        say('ready')
        await server.wait()
        say('not to be reached')
asyncio.run(main())
""",
    "asyncio elsewhere": """
async def main():
    server = await aio.serve('calc', service)
    watch(server)
    aio.close_on_signals(server, **options)
    say('ready')
    try:
        await asyncio.sleep(3600)
    finally:
        say('cleaned up')
asyncio.run(main())
""",
    "a thread's loop": """
async def main():
    server = await aio.serve('calc', service)
    watch(server)
    made.append(server)
    ready.set()
    await server.wait()
made, ready = [], threading.Event()
threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
ready.wait()
aio.close_on_signals(made, **options)
say('ready')
while True:
    time.sleep(60)
""",
    "uvloop": """
async def main():
    async with aio.serve('calc', service) as server:
        watch(server)
        aio.close_on_signals(server, **options)
        say('ready')
        await asyncio.sleep(3600)
import uvloop
uvloop.run(main())
""",
}


def serving(children: Children, service: str, options: str = "{}", *, in_container: bool = False) -> Child:
    code = f"{PARTS}\noptions = {options}\n{SERVICES[service]}"
    child = children.run_in_container(code) if in_container else children.run(code)
    child.expect("ready")
    return child


def holding(child: Child, children: Children) -> Child:
    """A client whose call of hold() has begun."""
    client = children.run("""
        try: say(ipc.connect('calc').hold())
        except ipc.IpcError as error: say(error.code)
        """)
    child.expect("held")
    return client


def end_well(child: Child, service: str, code: int) -> None:
    expected = "cleaned up\n" if service == "asyncio elsewhere" else ""
    assert child.rest() == (expected, "")
    assert child.returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("service", SERVICES)
def test_a_signal_lets_a_call_finish_and_then_ends_the_process(
    service: str, number: signal.Signals, children: Children, names_directory: Path
) -> None:
    server = serving(children, service)
    client = holding(server, children)
    server.send_signal(number)
    server.expect("closing")
    server.go_on()
    client.expect("done")
    end_well(server, service, 128 + number)
    assert not [path for path in names_directory.iterdir() if path.is_socket()]


@pytest.mark.parametrize("service", SERVICES)
def test_handlers_that_outlive_the_grace_are_cancelled(service: str, children: Children) -> None:
    server = serving(children, service, "{'grace': 0.02, 'exit_code': 0}")
    client = holding(server, children)
    server.terminate()
    server.expect("closing")
    client.expect("unavailable")
    expected = {"cancelled", *["cleaned up"] * (service == "asyncio elsewhere")}
    assert {server.line() for _ in expected} == expected
    assert server.rest() == ("", "")
    assert server.returncode == 0


@pytest.mark.parametrize("service", SERVICES)
def test_a_second_signal_ends_the_process_at_once(service: str, children: Children) -> None:
    server = serving(children, service, "{'grace': None}")
    client = holding(server, children)
    server.terminate()
    server.expect("closing")
    server.interrupt()
    client.expect("unavailable")
    assert server.rest() == ("", "")
    assert server.returncode == 128 + signal.SIGINT


@pytest.mark.parametrize("service", ["wait", "run", "asyncio"])
def test_a_process_without_calls_ends(service: str, children: Children) -> None:
    server = serving(children, service)
    server.terminate()
    server.expect("closing")
    end_well(server, service, 128 + signal.SIGTERM)


@pytest.mark.skipif(not can_unshare(), reason="no new PID namespace can be had")
@pytest.mark.parametrize("service", ["wait", "asyncio"])
def test_the_first_process_of_a_container_lets_calls_finish_too(service: str, children: Children) -> None:
    server = serving(children, service, in_container=True)
    client = holding(server, children)
    first = int(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()[0])
    os.kill(first, signal.SIGTERM)
    server.expect("closing")
    server.go_on()
    client.expect("done")
    end_well(server, service, 128 + signal.SIGTERM)


def test_all_servers_of_the_process_are_closed_before_it_ends(children: Children) -> None:
    server = children.run(
        PARTS
        + textwrap.dedent("""
            other = ipc.serve('other', {'f': len})
            ipc.close_on_signals(other)
            server = ipc.serve('calc', service)
            watch(server)
            ipc.close_on_signals([server])
            say('ready')
            other.wait()
            """)
    )
    server.expect("ready")
    client = holding(server, children)
    server.terminate()
    server.expect("closing")
    server.go_on()
    client.expect("done")
    assert server.rest() == ("", "")
    assert server.returncode == 128 + signal.SIGTERM


def test_the_program_cleans_up_behind_the_servers(children: Children) -> None:
    server = children.run(
        """
        import atexit
        atexit.register(say, 'at exit')
        server = ipc.serve('calc', {'f': len})
        ipc.close_on_signals(server, signals=[signal.SIGUSR1], exit_code=0)
        say('ready')
        try: server.wait()
        finally: say(server.status()['state'])
        """
    )
    server.expect("ready")
    server.send_signal(signal.SIGUSR1)
    assert server.rest() == ("closed\nat exit\n", "")
    assert server.returncode == 0


def test_signals_are_handled_as_before_when_the_function_returned_is_called(serve: Any) -> None:
    before = signal.getsignal(signal.SIGINT)
    servers = [serve("one", {"f": len}), serve("two", {"f": len})]
    ends = [ipc.close_on_signals(server) for server in servers]
    ends[0]()
    ends[0]()
    assert signal.getsignal(signal.SIGINT) is not before
    ends[1]()
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_signal_does_what_it_did_before_when_the_servers_are_closed(children: Children) -> None:
    child = children.run(
        """
        signal.signal(signal.SIGINT, lambda *_: say('of the program'))
        server = ipc.serve('calc', {'f': len})
        ipc.close_on_signals(server)
        server.close()
        os.kill(os.getpid(), signal.SIGINT)
        say(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        """
    )
    assert child.rest() == ("of the program\nTrue\n", "")
    assert child.returncode == -signal.SIGTERM


def test_a_forked_child_has_the_signals_of_before(children: Children) -> None:
    child = children.run(
        """
        server = ipc.serve('calc', {'f': len})
        ipc.close_on_signals(server)
        pid = os.fork()
        if pid == 0:
            say(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        os.kill(os.getpid(), signal.SIGTERM)
        server.wait()
        """
    )
    assert child.rest() == (f"True\n{-signal.SIGTERM}\n", "")
    assert child.returncode == 128 + signal.SIGTERM


def test_wrong_options_are_refused(serve: Any) -> None:
    server = serve("calc", {"f": len})
    for servers, options in (
        (None, {}),
        ([server, "calc"], {}),
        (server, {"grace": -1}),
        (server, {"signals": [signal.SIGKILL]}),
        (server, {"signals": ["SIGTERM"]}),
        (server, {"signals": signal.SIGTERM}),
        (server, {"exit_code": 256}),
        (server, {"exit_code": "0"}),
    ):
        with pytest.raises(ipc.IpcError) as refused:
            ipc.close_on_signals(servers, **options)
        assert refused.value.code == "invalid_argument"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_off_the_main_thread_it_is_refused(serve: Any) -> None:
    server = serve("calc", {"f": len})
    codes = []

    def close_on_signals() -> None:
        try:
            aio.close_on_signals(server)
        except ipc.IpcError as error:
            codes.append(error.code)

    thread = threading.Thread(target=close_on_signals)
    thread.start()
    thread.join()
    assert codes == ["failed_precondition"]
