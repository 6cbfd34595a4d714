from __future__ import annotations

import threading
from typing import Any

import pytest
from children import Children

import ipcbridge as ipc


def test_serving_a_name_again_in_the_same_process_replaces(address: str, serve: Any, connect: Any) -> None:
    first = serve(address, {"which": lambda: 1})
    calc = connect(address)
    assert calc.which() == 1
    serve(address, {"which": lambda: 2})
    first.wait()
    assert calc.which() == 2


def test_fail_gives_up_at_once(address: str, children: Children) -> None:
    children.serve(address)
    with pytest.raises(ipc.IpcError) as caught:
        ipc.serve(address, {"f": len}, takeover="fail")
    assert caught.value.code == "already_exists"


def test_wait_gives_up_after_its_time(children: Children) -> None:
    children.serve("calc")
    with pytest.raises(ipc.IpcError) as caught:
        ipc.serve("calc", {"f": len}, takeover_timeout=0.1)
    assert caught.value.code == "already_exists"


def test_wait_takes_the_name_when_it_becomes_free(children: Children, serve: Any, connect: Any) -> None:
    server = children.serve("calc")
    done = threading.Event()

    def take() -> None:
        serve("calc", {"which": lambda: "new"}, takeover_timeout=None)
        done.set()

    thread = threading.Thread(target=take)
    thread.start()
    server.kill()
    assert done.wait(30)
    thread.join()
    assert connect("calc").which() == "new"


def test_replace_closes_the_other_server(address: str, children: Children, serve: Any, connect: Any) -> None:
    other = children.serve(address)
    calc = connect(address)
    assert calc.pid() == other.pid
    serve(address, {"which": lambda: "new"}, takeover="replace")
    assert connect(address).which() == "new"
    assert other.wait(30) == 0


def test_a_name_is_free_after_close(address: str, children: Children, serve: Any) -> None:
    serve(address, {"f": len}).close()
    children.serve(address)


def test_close_lets_running_calls_finish(serve: Any, connect: Any) -> None:
    began, release = threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        release.wait(30)
        return "done"

    server = serve("calc", {"slow": slow})
    calc = connect("calc")
    results: list[str] = []
    caller = threading.Thread(target=lambda: results.append(calc.slow()))
    caller.start()
    assert began.wait(30)
    closer = threading.Thread(target=server.close)
    closer.start()
    release.set()
    caller.join(30)
    closer.join(30)
    assert results == ["done"]


def test_close_cancels_what_outlives_its_grace(serve: Any, connect: Any) -> None:
    began, release = threading.Event(), threading.Event()

    def stuck() -> None:
        began.set()
        release.wait(30)

    server = serve("calc", {"stuck": stuck})
    calc = connect("calc")
    errors: list[ipc.IpcError] = []

    def call() -> None:
        try:
            calc.stuck()
        except ipc.IpcError as error:
            errors.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    assert began.wait(30)
    server.close(grace=0.05)
    caller.join(30)
    release.set()
    assert [error.code in ("cancelled", "unavailable") for error in errors] == [True]


def test_a_handler_may_close_its_own_server(serve: Any, connect: Any) -> None:
    server = serve("calc", {"stop": lambda: server.close(grace=0)})
    with pytest.raises(ipc.IpcError):
        connect("calc").stop()
    server.wait()


def test_close_takes_a_server_too(address: str, serve: Any) -> None:
    server = serve(address, {"f": len})
    ipc.close(server, grace=1)
    server.wait()
    assert ipc.serve(address, {"f": len}, takeover="fail").close() is None


def test_what_wants_a_proxy_says_what_a_server_has(serve: Any) -> None:
    with pytest.raises(ipc.IpcError, match=r"a server has close\(\), wait\(\)"):
        ipc.notify(serve("calc", {"f": len}))


def test_a_with_block_lets_calls_finish_on_sigterm(children: Children, connect: Any) -> None:
    server = children.run(
        """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        def work():
            say('begun')
            sys.stdin.readline()
            return 'done'
        with ipc.serve('calc', {'work': work}) as server:
            try:
                say('ready')
                server.wait()
            finally:
                say('closing')
        """
    )
    server.expect("ready")
    calc = connect("calc")
    results: list[str] = []
    caller = threading.Thread(target=lambda: results.append(calc.work()))
    caller.start()
    server.expect("begun")
    server.terminate()
    server.expect("closing")
    server.rest()
    caller.join()
    assert results == ["done"]
    assert server.returncode == 0
