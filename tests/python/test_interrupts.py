"""Ctrl-C ends every wait."""

from __future__ import annotations

import pytest
from children import Children

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


@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c_ends(wait: str, children: Children) -> None:
    children.serve("calc")
    child = children.run(
        "def wait():\n" + "".join(f"    {line}\n" for line in WAITS[wait].strip().splitlines()) + "say('waiting')\n"
        "try:\n"
        "    wait()\n"
        "except KeyboardInterrupt:\n"
        "    say('interrupted')\n"
    )
    child.expect("waiting")
    # The line is said before the wait begins, so Ctrl-C may come early as well: both must end it.
    child.interrupt()
    child.expect("interrupted")
    assert child.rest()[1] == ""
    assert child.returncode == 0


@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c_ends_a_wait_that_has_begun(wait: str, children: Children) -> None:
    children.serve("calc")
    child = children.run(
        "main = threading.get_native_id()\n"
        "def watch():\n"
        "    asleep = 0\n"
        "    while asleep < 50:\n"
        "        state = open(f'/proc/self/task/{main}/stat').read().rsplit(')', 1)[1].split()[0]\n"
        "        asleep = asleep + 1 if state == 'S' else 0\n"
        "        time.sleep(0.002)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "def wait():\n" + "".join(f"    {line}\n" for line in WAITS[wait].strip().splitlines()) + "try:\n"
        "    threading.Thread(target=watch, daemon=True).start()\n"
        "    wait()\n"
        "except KeyboardInterrupt:\n"
        "    say('interrupted')\n"
    )
    child.expect("interrupted")
    assert child.rest()[1] == ""
    assert child.returncode == 0


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
