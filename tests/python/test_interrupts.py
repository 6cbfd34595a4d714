"""Ctrl-C ends every wait."""

from __future__ import annotations

import textwrap

import pytest
from children import Child, Children

WAITS = {
    "a call": "ipc.connect('calc').sleep(60)",
    "a call with a timeout": "ipc.with_options(ipc.connect('calc'), timeout=50).sleep(60)",
    "connect": "ipc.connect('nobody', connect_timeout=None)",
    "serve": "ipc.serve('calc', {'f': len}, takeover_timeout=None)",
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
except KeyboardInterrupt:
    say('interrupted')
"""


def waiting(children: Children, wait: str, begin: str) -> Child:
    children.serve("calc")
    code = textwrap.indent(WAITS[wait].strip(), "    ")
    return children.run(WAIT_UNTIL_INTERRUPTED.format(wait=code, begin=begin))


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
    child = waiting(children, wait, "threading.Thread(target=interrupt_the_sleeper, daemon=True).start()")
    expect_a_clean_end(child)


def test_ctrl_c_ends_run_during_a_handler(children: Children) -> None:
    server = children.run(
        """
        def handle():
            say('handling')
            time.sleep(60)
        server = ipc.serve('mine', {'handle': handle})
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
        try:
            ipc.connect('mine').handle()
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
        server = ipc.serve('mine', {'fail': fail, 'where': lambda: threading.current_thread().name})
        say('ready')
        server.run()
        """
    )
    server.expect("ready")
    client = children.run(
        """
        mine = ipc.connect('mine')
        try:
            mine.fail()
        except ipc.RemoteError as error:
            say(error.type)
        while mine.where() != 'MainThread': pass
        say(mine.where())
        """
    )
    client.expect("KeyboardInterrupt")
    client.expect("MainThread")
