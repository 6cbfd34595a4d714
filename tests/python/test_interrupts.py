"""Ctrl-C ends every wait."""

from __future__ import annotations

import signal
import textwrap
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable

import pytest
from children import Child, Children

import ipcbridge as ipc

WAITS = {
    "a call": "ipc.connect('calc').sleep(60)",
    "a call with a timeout": "ipc.with_options(ipc.connect('calc'), timeout=50).sleep(60)",
    "connect": "ipc.connect('nobody', connect_timeout=None)",
    "serve": "ipc.serve('calc', {'f': len}, takeover_timeout=None)",
    "a fan-out": "ipc.fan_out([ipc.connect('calc')] * 2).sleep(60)",
    "server.wait": "ipc.serve('mine', {'f': len}).wait()",
    "server.run": "ipc.serve('mine', {'f': len}).run()",
    "server.close": """
server = ipc.serve('mine', {'sleep': time.sleep})
mine = ipc.connect('mine')
def call():
    try: mine.sleep(60)
    except ipc.IpcError: pass
threading.Thread(target=call, daemon=True).start()
while ipc.status(server)['busy_workers'] == 0: time.sleep(0.001)
server.close(grace=50)
""",
}


WAIT_UNTIL_INTERRUPTED = """
def wait():
{wait}
main = threading.get_native_id()
def interrupt_the_sleeper():
    asleep = 0
    while asleep < 50:
        state = open(f'/proc/self/task/{{main}}/stat').read().rsplit(')', 1)[1].split()[0]
        asleep += state == 'S'  # in all, not in a row: some waits look around every few milliseconds
        time.sleep(0.002)
    os.kill(os.getpid(), signal.SIGINT)
try:
    {begin}
    wait()
except KeyboardInterrupt as interrupt:
    say('interrupted')
    {then}
"""
INTERRUPT_THE_SLEEPER = "threading.Thread(target=interrupt_the_sleeper, daemon=True).start()"
SHOW_FRAMES = "import traceback; [say(frame.name) for frame in traceback.extract_tb(interrupt.__traceback__)]"


def waiting(children: Children, wait: str, begin: str, then: str = "pass") -> Child:
    children.serve("calc")
    code = textwrap.indent(WAITS[wait].strip(), "    ")
    return children.run(WAIT_UNTIL_INTERRUPTED.format(wait=code, begin=begin, then=then))


def expect_a_clean_end(child: Child) -> None:
    child.expect("interrupted")
    assert child.rest()[1] == ""
    assert child.returncode == 0


@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c_at_any_moment_ends(wait: str, children: Children) -> None:
    child = waiting(children, wait, "say('waiting')")
    child.expect("waiting")
    child.interrupt()
    expect_a_clean_end(child)


@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c_ends_a_wait_that_has_begun(wait: str, children: Children) -> None:
    expect_a_clean_end(waiting(children, wait, INTERRUPT_THE_SLEEPER))


@pytest.mark.parametrize(("wait", "library"), [("a call", []), ("connect", ["connect"]), ("serve", ["serve"])])
def test_the_traceback_of_ctrl_c_shows_what_waited(wait: str, library: list[str], children: Children) -> None:
    child = waiting(children, wait, INTERRUPT_THE_SLEEPER, SHOW_FRAMES)
    for line in ["interrupted", "<module>", "wait", *library]:
        child.expect(line)
    assert child.rest() == ("", "")


def test_ctrl_c_ends_run_during_a_handler(children: Children) -> None:
    server = children.run(
        """
        def handle():
            say('handling')
            time.sleep(60)
        server = ipc.serve('mine', {'handle': handle, 'in_main': in_main})
        say('ready')
        try:
            server.run()
        except KeyboardInterrupt:
            say('interrupted')
        """
    )
    server.expect("ready")
    client = children.run(
        """
        mine = ipc.connect('mine')
        while not mine.in_main(): pass
        try:
            mine.handle()
        except ipc.IpcError as error:
            say('failed')
        """
    )
    server.expect("handling")
    server.interrupt()
    server.expect("interrupted")
    client.expect("failed")


def test_a_handlers_own_keyboard_interrupt_does_not_end_run(children: Children) -> None:
    server = children.run(
        """
        def fail():
            raise KeyboardInterrupt
        server = ipc.serve('mine', {'fail': fail, 'in_main': in_main})
        say('ready')
        server.run()
        """
    )
    server.expect("ready")
    client = children.run(
        """
        mine = ipc.connect('mine')
        while not mine.in_main(): pass
        try:
            mine.fail()
        except ipc.RemoteError as error:
            say(error.type)
        say(mine.in_main())
        """
    )
    client.expect("KeyboardInterrupt")
    client.expect("True")


Begun = Callable[..., tuple[Any, Future[Any]]]


@pytest.fixture
def begun(children: Children, connect: Any) -> Iterator[Begun]:
    """Calls slow() of a child's service, `mine`, and goes on when it has begun: the proxy, and the call.

    `in_run`: the child is about to call run(). Until it has, a thread of the pool would take the call.
    """
    threads = ThreadPoolExecutor(1)

    def start(server: Child, in_run: bool = False) -> tuple[Any, Future[Any]]:
        server.expect("ready")
        mine = connect("mine")
        while in_run and not mine.in_main():
            pass
        call = threads.submit(mine.slow)
        server.expect("begun")
        return mine, call

    yield start
    threads.shutdown(wait=False)


def wait_for_goodbye(proxy: Any) -> None:
    while ipc.status(proxy)["state"] == "ready":
        pass


def expect_an_end_by_ctrl_c(server: Child) -> None:
    """A traceback would tell of the library only."""
    assert server.rest() == ("", "")
    assert server.returncode == -signal.SIGINT


READY_WHEN_IT_WAITS = """
def say_when_it_waits():
    while signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        time.sleep(0.001)
    say('ready')
threading.Thread(target=say_when_it_waits).start()
"""
SLOW = """
async def slow():
    say('begun')
    await asyncio.to_thread(sys.stdin.readline)
    return 'done'
"""


@pytest.mark.parametrize("how", ["wait", "run"])
def test_ctrl_c_lets_the_service_finish_its_calls(how: str, children: Children, begun: Begun) -> None:
    """As the main program: the block closes the server, then the process ends as any that Ctrl-C ends."""
    server = children.run(
        SLOW
        + READY_WHEN_IT_WAITS
        + f"""
with ipc.serve('mine', {{'slow': slow}}) as server:
    server.{how}()
"""
    )
    mine, call = begun(server)
    server.interrupt()
    wait_for_goodbye(mine)
    assert not call.done()
    server.go_on()
    assert call.result(30) == "done"
    expect_an_end_by_ctrl_c(server)


@pytest.mark.parametrize(
    ("block", "how"),
    [("with server:", "wait"), ("with server:", "run"), ("if True:", "wait")],
    ids=["wait", "run", "without a block"],
)
def test_a_second_ctrl_c_waits_no_longer_for_calls(block: str, how: str, children: Children, begun: Begun) -> None:
    server = children.run(
        READY_WHEN_IT_WAITS
        + f"""
async def slow():
    say('begun')
    await asyncio.sleep(600)
server = ipc.serve('mine', {{'slow': slow}})
{block}
    server.{how}()
"""
    )
    mine, call = begun(server)
    server.interrupt()
    wait_for_goodbye(mine)
    server.interrupt()
    assert isinstance(call.exception(30), ipc.IpcError)
    expect_an_end_by_ctrl_c(server)


def test_ctrl_c_during_run_does_not_hold_up_calls_that_have_not_begun(children: Children, begun: Begun) -> None:
    server = children.run(
        """
        def slow():
            say('begun')
            time.sleep(600)
        with ipc.serve('mine', {'slow': slow, 'quick': lambda: 0, 'in_main': in_main}) as server:
            say('ready')
            server.run()
        """
    )
    mine, slow = begun(server, in_run=True)
    with ThreadPoolExecutor(1) as threads:
        quick = threads.submit(mine.quick)
        while ipc.status(mine)["pending_calls"] < 2:
            pass
        server.interrupt()
        assert quick.result(30) == 0
    assert isinstance(slow.exception(30), ipc.RemoteError)
    server.rest()
    assert server.returncode == -signal.SIGINT


def test_run_takes_the_next_calls_while_a_thread_is_busy_with_an_earlier_one(children: Children, begun: Begun) -> None:
    server = children.run(
        """
        go_on = threading.Event()
        def slow():
            say('begun')
            go_on.wait()
            return threading.current_thread() is threading.main_thread()
        def quick():
            go_on.set()
            return threading.current_thread() is threading.main_thread()
        server = ipc.serve('mine', {'slow': slow, 'quick': quick})
        say('ready')
        sys.stdin.readline()
        server.run()
        """
    )
    mine, slow = begun(server)
    server.go_on()
    # Until run() has begun the pool may take it.
    while not mine.quick():
        pass
    assert slow.result(30) is False
    server.interrupt()
    server.rest()
