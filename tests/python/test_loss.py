"""What happens when the other side dies, hangs, or comes back."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from children import Children

import ipcbridge as ipc


def test_a_call_in_flight_is_unavailable_when_the_server_is_killed(
    address: str, children: Children, connect: Any, names_directory: Path
) -> None:
    server = children.serve(
        address, f"service['begin'] = lambda: (open({str(names_directory / 'began')!r}, 'x').close(), time.sleep(60))"
    )
    calc = connect(address)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(calc.begin)
        while not (names_directory / "began").exists():
            time.sleep(0.001)
        server.kill()
        start = time.monotonic()
        with pytest.raises(ipc.Unavailable) as caught:
            call.result(30)
        assert time.monotonic() - start < 1
    assert caught.value.sent == "maybe"


def test_every_call_settles_once_when_the_server_is_killed_amid_many(
    address: str, children: Children, connect: Any
) -> None:
    server = children.serve(address)
    calc = connect(address, connect_timeout=0.2)
    outcomes: list[str] = []
    underway = threading.Event()

    def calls() -> None:
        for i in range(2500):
            try:
                outcomes.append("ok" if calc.add(i) == i else "wrong")
            except ipc.Unavailable:
                outcomes.append("unavailable")
            if len(outcomes) > 1000:
                underway.set()

    threads = [threading.Thread(target=calls) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert underway.wait(30)
    server.kill()
    # Those that have surely not been sent wait for 0.2 s; a new server ends that.
    server.wait()
    children.serve(address)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert len(outcomes) == 10_000
    assert set(outcomes) <= {"ok", "unavailable"}
    assert calc.add(1) == 1


def test_an_idempotent_call_is_repeated_with_the_next_server(
    children: Children, connect: Any, names_directory: Path
) -> None:
    began = names_directory / "began"
    code = f"""
def once():
    if os.path.exists({str(began)!r}):
        return 'done'
    open({str(began)!r}, 'x').close()
    time.sleep(60)
service['once'] = once
"""
    server = children.serve("calc", code)
    calc = connect("calc")
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(ipc.with_options(calc, idempotent=True).once)
        while not began.exists():
            time.sleep(0.001)
        server.kill()
        server.wait()
        children.serve("calc", code)
        assert call.result(30) == "done"


def test_a_call_made_between_two_servers_waits_for_the_next(children: Children, connect: Any) -> None:
    server = children.serve("calc")
    calc = connect("calc")
    lost = threading.Event()
    ipc.on_state(calc, lambda state, reason: lost.set() if state == "reconnecting" else None)
    server.kill()
    assert lost.wait(30)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(calc.add, 2, 3)
        with pytest.raises(ipc.Unavailable) as caught:
            ipc.with_options(calc, wait_for_ready=False).add(1)
        assert caught.value.sent == "no"
        server.wait()
        children.serve("calc")
        assert call.result(30) == 5


def test_calls_fail_when_nobody_comes_back(children: Children, connect: Any) -> None:
    server = children.serve("calc")
    calc = connect("calc", connect_timeout=0.1)
    server.kill()
    server.wait()
    with pytest.raises(ipc.Unavailable):
        calc.add(1)
    children.serve("calc")
    assert calc.add(1) == 1


def test_timeouts_fire_while_the_server_is_stopped(address: str, children: Children, connect: Any) -> None:
    server = children.serve(address)
    calc = connect(address)
    assert calc.add(1) == 1
    server.stop()
    with pytest.raises(ipc.DeadlineExceeded):
        ipc.with_options(calc, timeout=0.1).add(1)
    server.resume()
    assert calc.add(2) == 2


def test_a_killed_client_leaves_the_server_unharmed(address: str, serve: Any, children: Children, connect: Any) -> None:
    server = serve(address, {"echo": lambda x: x})
    client = children.run(f"c = ipc.connect({address!r}); say(c.echo(1))\nwhile True: c.echo(b'x' * 10000)")
    client.expect("1")
    client.kill()
    client.wait()
    calc = connect(address)
    while ipc.status(server)["connections"] > 1:
        calc.echo(1)
    assert calc.echo(2) == 2


def link_of(address: str, state: str, transport: str | None = None, pid: int | None = None) -> dict[str, Any]:
    return {
        "address": address,
        "state": state,
        "transport": transport,
        "fallback_reason": None,
        "peer_pid": pid,
        "peer_uid": None if pid is None else os.getuid(),
        "unread_bytes": 0,
        "busy": None,
        "running_calls": 0,
        "open_streams": 0,
        "stalled_streams": None,
        "awaited_streams": 0,
    }


def test_a_balanced_client_survives_the_loss_of_one_server(children: Children, connect: Any) -> None:
    one, two = children.serve("one"), children.serve("two")
    calc = connect(["one", "two"])
    pids: set[int] = set()
    while len(pids) < 2:
        pids.add(calc.pid())
    two_ready = link_of("two", "ready", "shm", two.pid)
    assert ipc.status(calc)["links"] == [link_of("one", "ready", "shm", one.pid), two_ready]
    one.kill()
    for _ in range(20):
        with contextlib.suppress(ipc.Unavailable):
            assert calc.pid() == two.pid
    assert calc.pid() == two.pid
    assert ipc.status(calc)["links"] == [link_of("one", "reconnecting"), two_ready]


def test_an_address_that_was_never_found_is_still_being_connected_to(children: Children, connect: Any) -> None:
    children.serve("one")
    assert [link["state"] for link in ipc.status(connect(["one", "two"]))["links"]] == ["ready", "connecting"]


def test_a_lost_call_names_its_method_and_the_reason(children: Children, connect: Any) -> None:
    server = children.serve("calc", "service['die'] = lambda: os._exit(0)")
    calc = connect("calc")
    with pytest.raises(ipc.Unavailable, match=r"^die\(\) was not answered: the peer closed the connection$"):
        calc.die()
    server.wait()
    with pytest.raises(ipc.Unavailable, match=r"^add\(\) could not be sent: there is no connection to calc"):
        ipc.with_options(calc, wait_for_ready=False).add(1)
