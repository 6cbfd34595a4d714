"""Forks of a process that calls and serves."""

from __future__ import annotations

import textwrap

from children import Child, Children

FORKING = """
import warnings
warnings.simplefilter('ignore')
def in_child(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
            sys.stdout.flush()
            os._exit(0)
        except BaseException as error:
            say(repr(error))
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
def code_of(work):
    try:
        work()
    except ipc.IpcError as error:
        return error.code
    return 'ok'
calc = ipc.connect('calc')
"""


def forking(children: Children, code: str) -> Child:
    """Runs `code` in a process with `calc`, in_child(work), which forks, and code_of(work), the error's code."""
    children.serve("calc")
    return children.run(FORKING + textwrap.dedent(code))


def expect_a_clean_end(child: Child, *lines: str) -> None:
    for line in lines:
        child.expect(line)
    assert child.rest() == ("", "")
    assert child.returncode == 0


def test_a_forked_child_is_told_that_handles_are_its_parents(children: Children) -> None:
    child = forking(
        children,
        """
        server = ipc.serve('mine', {'f': len})
        calc.add(1)
        def work():
            for use in (lambda: calc.add(1), lambda: ipc.status(calc), lambda: dir(calc), lambda: ipc.status(server),
                        lambda: server.close(), lambda: ipc.describe(calc), lambda: server.wait(),
                        lambda: ipc.on_state(calc, print), lambda: ipc.on_state(server, print)):
                say(code_of(use))
            ipc.close(calc)
            say(repr(calc).endswith(", of the process that called fork()>"))
        assert in_child(work) == 0
        say(calc.add(2, 3))
        """,
    )
    expect_a_clean_end(child, *["failed_precondition"] * 9, "True", "5")


def test_a_forked_child_connects_and_serves_anew(children: Children) -> None:
    child = forking(
        children,
        """
        say(calc.add(1))
        def work():
            with ipc.connect('calc') as mine, ipc.serve('child', {'f': len}), ipc.connect('child') as own:
                say(mine.add(2))
                say(own.f('abc'))
        assert in_child(work) == 0
        say(calc.add(4))
        """,
    )
    expect_a_clean_end(child, "1", "2", "3", "4")


def test_a_forked_child_exits_normally(children: Children) -> None:
    child = forking(
        children,
        """
        server = ipc.serve('mine', {'f': len})
        calc.add(1)
        pid = os.fork()
        if pid == 0:
            say('child')
            sys.exit(3)
        say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        say(calc.add(4))
        """,
    )
    expect_a_clean_end(child, "child", "3", "4")


def test_a_fork_amid_calls_of_other_threads_harms_nobody(children: Children) -> None:
    child = forking(
        children,
        """
        stop = threading.Event()
        def calls():
            while not stop.is_set():
                assert calc.add(1) == 1
        threads = [threading.Thread(target=calls) for _ in range(3)]
        for thread in threads: thread.start()
        for _ in range(20):
            assert in_child(lambda: ipc.connect('calc').add(1)) == 0
        stop.set()
        for thread in threads: thread.join()
        say('done')
        """,
    )
    expect_a_clean_end(child, "done")


def test_connections_end_with_the_parent_although_a_child_lives_on(children: Children) -> None:
    server = children.run(
        """
        server = ipc.serve('calc', {'count': lambda: ipc.status(server)['connections']})
        say('ready')
        server.wait()
        """
    )
    server.expect("ready")
    parent = children.run(
        """
        calc = ipc.connect('calc')
        say(calc.count())
        if os.fork() == 0:
            say('child')
            sys.stdin.read()
            os._exit(0)
        time.sleep(60)
        """
    )
    parent.expect("1")
    parent.expect("child")
    parent.kill()
    watcher = children.run(
        """
        calc = ipc.connect('calc')
        while calc.count() > 1: pass
        say('alone')
        """
    )
    watcher.expect("alone")
