"""Many workers behind one name."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from children import Children

import ipcbridge as ipc


def workers_of(calc: Any) -> set[int]:
    return {link["peer_pid"] for link in ipc.status(calc)["links"]}


def wait_for_workers(calc: Any, pids: Iterable[int]) -> None:
    deadline = time.monotonic() + 30
    wanted = set(pids)
    while workers_of(calc) != wanted:
        assert time.monotonic() < deadline, (workers_of(calc), wanted)
        time.sleep(0.005)


def test_calls_go_to_each_worker(address: str, children: Children, connect: Any) -> None:
    pids = [children.serve(address, shared=True).pid for _ in range(3)]
    calc = connect(address)
    wait_for_workers(calc, pids)
    assert sorted(calc.pid() for _ in range(6)) == sorted(2 * pids)
    status = ipc.status(calc)
    assert status["address"] == address
    assert {link["address"] for link in status["links"]} == {f"{address}@{number}" for number in (1, 2, 3)}


def test_a_worker_that_is_killed_is_left_out_and_the_next_is_found(
    address: str, children: Children, connect: Any
) -> None:
    one, two = children.serve(address, shared=True), children.serve(address, shared=True)
    calc = connect(address)
    wait_for_workers(calc, [one.pid, two.pid])
    one.kill()
    one.wait()
    wait_for_workers(calc, [two.pid])
    assert [calc.pid() for _ in range(3)] == [two.pid] * 3
    three = children.serve(address, shared=True)
    wait_for_workers(calc, [two.pid, three.pid])
    assert {calc.pid(), calc.pid()} == {two.pid, three.pid}


def test_when_all_are_killed_the_call_waits_for_the_next(address: str, children: Children, connect: Any) -> None:
    one = children.serve(address, shared=True)
    calc = connect(address)
    assert calc.pid() == one.pid
    one.kill()
    one.wait()
    future = ipc.submit(ipc.with_options(calc, idempotent=True)).pid()
    two = children.serve(address, shared=True)
    assert future.result(30) == two.pid


def test_a_server_of_either_api_is_one_of_the_workers(
    address: str, children: Children, serve_either: Any, connect: Any
) -> None:
    other = children.serve(address, shared=True)
    mine = serve_either(address, {"pid": os.getpid}, shared=True)
    calc = connect(address)
    wait_for_workers(calc, [other.pid, os.getpid()])
    assert {calc.pid(), calc.pid()} == {other.pid, os.getpid()}
    assert mine.status()["path"].endswith("@2")


def test_whoever_does_not_share_the_name_is_refused_or_asks_all_to_leave(
    address: str, children: Children, serve: Any, connect: Any
) -> None:
    workers = [children.serve(address, shared=True) for _ in range(2)]
    calc = connect(address)
    wait_for_workers(calc, [worker.pid for worker in workers])
    with pytest.raises(ipc.IpcError, match="share the name") as caught:
        serve(address, {"pid": os.getpid}, takeover="fail")
    assert caught.value.code == "already_exists"
    serve(address, {"pid": os.getpid}, takeover="replace")
    assert [worker.wait(30) for worker in workers] == [0, 0]
    assert calc.pid() == os.getpid()
    assert [link["address"] for link in ipc.status(calc)["links"]] == [address]


def test_workers_ask_the_one_that_does_not_share_the_name_to_leave(
    address: str, children: Children, connect: Any
) -> None:
    alone = children.serve(address)
    calc = connect(address)
    assert calc.pid() == alone.pid
    worker = children.serve(address, shared=True, takeover="replace")
    assert alone.wait(30) == 0
    assert calc.pid() == worker.pid


def test_nothing_is_left_when_all_are_closed(names_directory: Path, serve: Any) -> None:
    serve("calc", {"f": len}, shared=True).close()
    assert list(names_directory.iterdir()) == []


@pytest.mark.parametrize("end", ["sys.exit()", "os.kill(os.getpid(), signal.SIGTERM)"])
def test_nothing_is_left_when_the_processes_end(end: str, names_directory: Path, children: Children) -> None:
    code = f"ipc.close_on_signals(ipc.serve('calc', {{'f': len}}, shared=True)); say('up'); sys.stdin.readline(); {end}"
    workers = [children.run(code) for _ in range(2)]
    for worker in workers:
        worker.expect("up")
    for worker in workers:
        worker.go_on()
        worker.wait(30)
    assert list(names_directory.iterdir()) == []


def test_it_is_said_by_true_or_false(serve: Any) -> None:
    with pytest.raises(ipc.IpcError, match="shared") as caught:
        serve("calc", {"f": len}, shared="yes")
    assert caught.value.code == "invalid_argument"


def test_a_name_within_the_process_cannot_be_shared(serve: Any) -> None:
    with pytest.raises(ipc.IpcError, match="inproc://calc") as caught:
        serve("inproc://calc", {"f": len}, shared=True)
    assert caught.value.code == "invalid_argument"
