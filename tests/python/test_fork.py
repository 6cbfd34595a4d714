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


RECONNECTING = """
calc = ipc.connect('calc', reconnect_after_fork=True)
"""


def reconnecting(children: Children, code: str) -> Child:
    """As forking(), with a client that reconnects."""
    return forking(children, RECONNECTING + textwrap.dedent(code))


def test_a_client_that_is_to_connects_anew_in_a_forked_child(children: Children) -> None:
    child = reconnecting(
        children,
        """
        add, view, later = calc.add, ipc.with_options(calc, timeout=60), ipc.submit(calc)
        say(add(1))
        def work():
            say(add(2))          # a method that the parent has looked up
            say(view.add(3))
            say(calc.echo(4))    # and one that it has not
            say(later.add(5).result())
            say(ipc.notify(calc).add(1))
            say('add' in dir(calc))
            say(ipc.call(calc, 'add', [6]))
            say(ipc.describe(calc)['service'])
            say(repr(calc)[:12])
        assert in_child(work) == 0
        say(add(7))
        """,
    )
    expect_a_clean_end(child, "1", "2", "3", "4", "5", "True", "True", "6", "calc", "<remote calc", "7")


def test_the_first_use_may_be_any(children: Children) -> None:
    child = reconnecting(
        children,
        """
        calc.add(1)
        add, submitted, notified = calc.add, ipc.submit(calc).add, ipc.notify(calc).add
        for use in (lambda: add(1), lambda: calc.add(1), lambda: calc.echo(1), lambda: submitted(1).result(),
                    lambda: notified(1) and 1, lambda: ipc.call(calc, 'add', [1]), lambda: 'add' in dir(calc) and 1,
                    lambda: hasattr(calc, 'sleep') and 1, lambda: ipc.status(calc)['state'] == 'ready' and 1):
            def work():
                assert use() == 1
            assert in_child(work) == 0
        say(calc.add(2))
        """,
    )
    expect_a_clean_end(child, "2")


def test_a_child_of_a_child_connects_anew_too(children: Children) -> None:
    child = reconnecting(
        children,
        """
        def work():
            say(calc.add(1))
            assert in_child(lambda: say(calc.add(2))) == 0
            say(calc.add(3))
        assert in_child(work) == 0
        say(calc.add(4))
        """,
    )
    expect_a_clean_end(child, "1", "2", "3", "4")


def test_what_a_child_closes_stays_closed_there_and_open_in_its_parent(children: Children) -> None:
    child = reconnecting(
        children,
        """
        def closes_first():
            ipc.close(calc)
            say(code_of(lambda: calc.add(1)))
        def closes_later():
            calc.add(1)
            ipc.close(calc)
            say(code_of(lambda: calc.add(1)))
        for work in (closes_first, closes_later):
            assert in_child(work) == 0
        say(calc.add(2))
        """,
    )
    expect_a_clean_end(child, "failed_precondition", "failed_precondition", "2")


def test_a_child_says_so_when_nobody_serves_any_more(children: Children) -> None:
    server = children.serve("gone")
    child = children.run(
        FORKING.replace("calc = ipc.connect('calc')", "")
        + textwrap.dedent(
            """
            gone = ipc.connect('gone', reconnect_after_fork=True, connect_timeout=0.2)
            say('connected')
            sys.stdin.readline()
            def work():
                for _ in range(2): say(code_of(lambda: gone.add(1)))
            assert in_child(work) == 0
            """
        )
    )
    child.expect("connected")
    server.kill()
    server.wait()
    child.go_on()
    expect_a_clean_end(child, "unavailable", "unavailable")


def test_what_a_client_serves_and_its_middleware_are_there_in_the_child_too(children: Children) -> None:
    both = children.run(
        """
        server = ipc.serve('both', {'ask': lambda value: ipc.context().peer.remote.answer(value)})
        say('ready')
        server.wait()
        """
    )
    both.expect("ready")
    child = forking(
        children,
        """
        seen = []
        def middleware(call, next):
            call.metadata['a'] = 'b'
            seen.append(call.method)
            return next(call)
        both = ipc.connect('both', serve={'answer': lambda value: [os.getpid(), value]}, middleware=middleware,
                           reconnect_after_fork=True)
        say([both.ask(1) == [os.getpid(), 1], seen])
        def work():
            say([both.ask(2) == [os.getpid(), 2], seen])
        assert in_child(work) == 0
        say(both.ask(3) == [os.getpid(), 3])
        """,
    )
    expect_a_clean_end(child, "[True, ['ask']]", "[True, ['ask', 'ask']]", "True")


def test_forks_under_load_harm_neither_side(children: Children) -> None:
    child = reconnecting(
        children,
        """
        import multiprocessing
        stop, add = threading.Event(), calc.add
        def calls():
            while not stop.is_set():
                assert add(1, 2) == 3 and calc.echo('x') == 'x'
        threads = [threading.Thread(target=calls) for _ in range(3)]
        for thread in threads: thread.start()
        def threads_of_the_child():
            mine = [threading.Thread(target=lambda: [add(i) for i in range(50)]) for _ in range(4)]
            for thread in mine: thread.start()
            for thread in mine: thread.join()
            assert add(2, 3) == 5
        for _ in range(10):
            assert in_child(threads_of_the_child) == 0
        context = multiprocessing.get_context('fork')
        for _ in range(10):
            process = context.Process(target=threads_of_the_child)
            process.start()
            process.join()
            assert process.exitcode == 0
        stop.set()
        for thread in threads: thread.join()
        say('done')
        """,
    )
    expect_a_clean_end(child, "done")


def test_a_client_is_closed_when_it_is_dropped_although_it_would_reconnect(children: Children) -> None:
    child = reconnecting(
        children,
        """
        import gc
        gc.disable()
        server = ipc.serve('mine', {'f': len})
        mine = ipc.connect('mine', reconnect_after_fork=True)
        mine.f('abc')
        del mine
        while server.status()['connections']: pass
        say('closed')
        """,
    )
    expect_a_clean_end(child, "closed")
