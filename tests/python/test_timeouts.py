from __future__ import annotations

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from children import Children

import ipcbridge as ipc
from ipcbridge._options import FOREVER, microseconds


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, FOREVER),
        (math.inf, FOREVER),
        (0, 0),
        (0.5, 500_000),
        (2, 2_000_000),
        (1e-9, 1),
        (timedelta(milliseconds=3), 3_000),
    ],
    ids=repr,
)
def test_durations_are_seconds_or_timedeltas(value: Any, expected: int) -> None:
    assert microseconds(value, "timeout") == expected


@pytest.mark.parametrize("value", [-1, -0.001, math.nan, timedelta(seconds=-1), "1", True], ids=repr)
def test_other_durations_are_refused(value: Any) -> None:
    with pytest.raises(ipc.IpcError) as caught:
        microseconds(value, "timeout")
    assert caught.value.code == "invalid_argument"


def test_a_call_that_takes_too_long_is_a_timeout_error(address: str, children: Children, connect: Any) -> None:
    children.serve(address)
    calc = connect(address)
    start = time.monotonic()
    with pytest.raises(TimeoutError) as caught:
        ipc.with_options(calc, timeout=0.1).sleep(30)
    assert isinstance(caught.value, ipc.DeadlineExceeded)
    assert 0.1 <= time.monotonic() - start < 5
    assert calc.add(1) == 1


def test_a_timeout_of_zero_fails_at_once(children: Children, connect: Any) -> None:
    children.serve("calc")
    with pytest.raises(ipc.DeadlineExceeded):
        ipc.with_options(connect("calc"), timeout=0).add(1)


def test_options_add_up(children: Children, connect: Any) -> None:
    children.serve("calc", "service['see'] = lambda: [ipc.context().metadata, ipc.context().deadline is not None]")
    calc = ipc.with_options(connect("calc"), metadata={"a": 1})
    assert ipc.with_options(calc, timeout=30).see() == [{"a": 1}, True]
    assert ipc.with_options(calc, metadata=None).see() == [{}, False]


@pytest.mark.parametrize("metadata", [3, [1], {1: 2}, {"a": object()}], ids=["int", "list", "key", "value"])
def test_metadata_is_a_mapping_of_values(metadata: Any, children: Children, connect: Any) -> None:
    children.serve("calc")
    with pytest.raises(ipc.IpcError) as caught:
        ipc.with_options(connect("calc"), metadata=metadata)
    assert caught.value.code == "invalid_argument"


def test_an_unknown_service_is_unavailable_and_says_where_it_was_looked_for(names_directory: Any) -> None:
    start = time.monotonic()
    with pytest.raises(ConnectionError) as caught:
        ipc.connect("nobody", connect_timeout=0.1)
    assert time.monotonic() - start < 5
    assert isinstance(caught.value, ipc.Unavailable)
    assert caught.value.sent == "no"
    assert "nobody" in str(caught.value)
    assert str(names_directory) in str(caught.value)


def test_a_connect_timeout_of_zero_tries_once(children: Children) -> None:
    with pytest.raises(ipc.Unavailable):
        ipc.connect("calc", connect_timeout=0)
    children.serve("calc")
    with ipc.connect("calc", connect_timeout=0) as calc:
        assert calc.add(1) == 1


def test_connect_waits_for_a_service_that_comes_later(children: Children) -> None:
    child = children.run("say('up'); c = ipc.connect('calc', connect_timeout=None); say(c.add(2, 3))")
    child.expect("up")
    children.serve("calc")
    child.expect("5")


@pytest.mark.parametrize("name", ["a/b", "a\nb", "", "x" * 65, "ftp://x", "unix://relative"], ids=repr)
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    for use in (lambda: ipc.serve(name, {"f": len}), lambda: ipc.connect(name, connect_timeout=0)):
        with pytest.raises(ipc.IpcError) as caught:
            use()
        assert caught.value.code == "invalid_argument"


@pytest.mark.parametrize("allow", [["nosuchuser"], ["group:nosuchgroup"], [1.5], [True]], ids=repr)
def test_whom_to_allow_must_exist(allow: Any) -> None:
    with pytest.raises(ipc.IpcError, match="allow") as caught:
        ipc.serve("calc", {"f": len}, allow=allow)
    assert caught.value.code == "invalid_argument"


def left_after_waiting(serve: Any, connect: Any, handler: Any, **options: Any) -> float:
    """What `handler` returns, whose call has 1,000 seconds and waits behind another for half a second of them."""
    inside, over = threading.Event(), threading.Event()

    def hold() -> None:
        inside.set()
        assert over.wait(60)

    server = serve("calc", {"hold": hold, "left": handler}, threads=1, **options)
    calc = ipc.with_options(connect("calc"), timeout=1000)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(calc.hold)
        assert inside.wait(60)
        second = threads.submit(calc.left)
        while server.status()["running_calls"] < 2:
            pass
        over.wait(0.5)
        over.set()
        first.result()
        left: float = second.result()
        return left


def test_the_deadline_counts_the_time_that_a_call_waited_for_a_thread(serve_either: Any, connect: Any) -> None:
    assert 0 < left_after_waiting(serve_either, connect, lambda: ipc.context().deadline) <= 999.5


def test_the_deadline_counts_the_time_that_a_serial_call_waited_for_its_turn(serve_either: Any, connect: Any) -> None:
    async def left() -> float | None:
        return ipc.context().deadline

    assert 0 < left_after_waiting(serve_either, connect, left, serial=True) <= 999.5
