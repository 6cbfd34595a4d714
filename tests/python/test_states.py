"""What on_state() tells of clients and servers."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any, Callable, Optional

import pytest
from children import Children
from either import KINDS, Loop

import ipcbridge as ipc
from ipcbridge import aio

Changes = queue.Queue[tuple[str, Optional[ipc.IpcError]]]
Watch = Callable[..., Callable[[], None]]


@pytest.fixture
def changes() -> Changes:
    return queue.Queue()


@pytest.fixture(params=KINDS)
def watch(request: pytest.FixtureRequest, changes: Changes) -> Iterator[Watch]:
    """Connects a client of each Python API, whose states go to `changes`; returns what closes it."""
    loop = None if request.param == "blocking" else Loop(request.param)
    proxies: list[Any] = []

    def listener(state: str, reason: ipc.IpcError | None) -> None:
        changes.put((state, reason))

    def start(*args: Any, **options: Any) -> Callable[[], None]:
        if loop is None:
            blocking = ipc.connect(*args, **options)
            ipc.on_state(blocking, listener)
            return lambda: ipc.close(blocking)
        proxy = loop.run(aio.connect(*args, **options))
        proxies.append(proxy)  # for the loop's thread to drop
        loop.call(aio.on_state, proxy, listener)
        return lambda: loop.run(aio.close(proxy))

    yield start
    if loop is not None:
        loop.call(proxies.clear)
        loop.end()


def told(changes: Changes, state: str) -> ipc.IpcError | None:
    """The reason with which it was told, sooner or later."""
    while True:
        seen, reason = changes.get(timeout=60)
        if seen == state:
            return reason


def test_a_client_that_is_closed_says_by_whom(serve: Any, watch: Watch, changes: Changes) -> None:
    serve("calc", {"f": len})
    close = watch("calc")
    close()
    state, reason = changes.get(timeout=60)
    assert state == "closed"
    assert reason is not None
    assert (reason.code, str(reason), reason.sent) == ("cancelled", "the client was closed", None)


def test_a_client_that_loses_its_service_says_how(children: Children, watch: Watch, changes: Changes) -> None:
    server = children.serve("calc")
    close = watch("calc")
    server.kill()
    reason = told(changes, "reconnecting")
    assert isinstance(reason, ipc.Unavailable)
    assert str(reason) == "the peer closed the connection"
    close()


def test_a_client_whose_service_says_goodbye_says_so(serve: Any, watch: Watch, changes: Changes) -> None:
    server = serve("calc", {"f": len})
    close = watch("calc")
    server.close()
    assert str(told(changes, "reconnecting")) == "the service is closing"
    close()


def test_a_client_that_finds_nobody_says_so(serve: Any, watch: Watch, changes: Changes) -> None:
    server = serve("calc", {"f": len})
    close = watch("calc", connect_timeout=0.05)
    server.close()
    reason = told(changes, "disconnected")
    assert isinstance(reason, ipc.Unavailable)
    assert "calc" in str(reason)
    close()


def test_a_client_that_is_ready_again_needs_no_reason(serve: Any, watch: Watch, changes: Changes) -> None:
    server = serve("calc", {"f": len})
    close = watch("calc")
    server.close()
    serve("calc", {"f": len})
    assert told(changes, "ready") is None
    close()


def test_a_server_that_another_replaces_says_so(serve_either: Any, children: Children, changes: Changes) -> None:
    server = serve_either("calc", {"f": len})
    server.on_state(lambda state, reason: changes.put((state, reason)))
    other = children.serve("calc", takeover="replace")
    assert changes.get(timeout=60) == ("closing", None)
    state, reason = changes.get(timeout=60)
    assert state == "closed"
    assert reason is not None
    assert reason.code == "aborted"
    assert f"process {other.pid} has taken over" in str(reason)


@pytest.mark.parametrize("asked_before", [True, False])
def test_a_closed_server_still_says_where_it_was(asked_before: bool, serve_either: Any, names_directory: Any) -> None:
    server = serve_either("calc", {"f": len})
    place = {"address": "calc", "path": f"{names_directory}/calc.sock"}
    if asked_before:
        assert place.items() <= server.status().items()
    server.close()
    assert {"state": "closed", "connections": 0, **place}.items() <= server.status().items()


def test_a_server_tells_each_listener_until_it_is_ended(serve_either: Any, changes: Changes) -> None:
    first = serve_either("calc", {"f": len})

    def note(state: str, reason: ipc.IpcError | None) -> None:
        changes.put((state, reason))

    def fail(state: str, _reason: ipc.IpcError | None) -> None:
        raise ValueError(state)

    first.on_state(fail)
    ends = [first.on_state(note) for _ in range(3)]
    ends[1]()
    ends[1]()
    serve_either("calc", {"f": len})  # which replaces the first
    seen = [changes.get(timeout=60) for _ in range(4)]
    assert [(state, reason and reason.code) for state, reason in seen] == [
        ("closing", None),
        ("closing", None),
        ("closed", "cancelled"),
        ("closed", "cancelled"),
    ]


def test_on_state_refuses_what_is_no_function(serve: Any) -> None:
    with pytest.raises(ipc.IpcError, match="takes a function"):
        ipc.on_state(serve("calc", {"f": len}), 3)  # type: ignore[arg-type]


def test_a_listener_that_exits_is_logged_and_the_others_are_told(
    serve_either: Any, changes: Changes, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve_either("calc", {"f": len})

    def leave(state: str, _reason: ipc.IpcError | None) -> None:
        raise SystemExit(state)

    server.on_state(leave)
    server.on_state(lambda state, reason: changes.put((state, reason)))
    server.close()
    assert [changes.get(timeout=60)[0] for _ in range(2)] == ["closing", "closed"]
    while caplog.text.count("a listener of on_state() failed") < 2:
        time.sleep(0.001)


@pytest.mark.parametrize("ends", ["at once", "later"])
def test_a_listener_does_not_keep_the_cancellation_of_handlers_waiting(ends: str, serve: Any, connect: Any) -> None:
    cancelled, told, over = threading.Event(), threading.Event(), threading.Event()

    async def wait() -> None:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def listen(*_: object) -> None:
        told.set()
        if ends == "at once":
            raise SystemExit
        over.wait(60)

    serve("calc", {"wait": wait})
    calc, other = connect("calc"), connect("calc")
    ipc.on_state(other, listen)
    ipc.close(other)
    assert told.wait(60)
    with pytest.raises(ipc.DeadlineExceeded):
        ipc.with_options(calc, timeout=0.01).wait()
    try:
        assert cancelled.wait(20)
    finally:
        over.set()
