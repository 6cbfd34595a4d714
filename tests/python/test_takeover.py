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


def test_what_wants_a_proxy_says_what_a_server_has(serve: Any) -> None:
    with pytest.raises(ipc.IpcError, match=r"a server has close\(\), wait\(\)"):
        ipc.notify(serve("calc", {"f": len}))
