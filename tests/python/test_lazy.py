"""connect(lazy=True) connects with the first call."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import ipcbridge as ipc

SERVICE = {"add": lambda a, b=0: a + b, "math": {"twice": lambda x: 2 * x, "deep": {"half": lambda x: x / 2}}}


@pytest.fixture(params=["shm", "unix"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}://{tmp_path}/calc.socket"


@pytest.fixture
def calc(address: str) -> Iterator[Any]:
    with ipc.connect(address, lazy=True) as calc:
        yield calc


def test_nothing_happens_before_the_first_call(address: str, calc: Any) -> None:
    assert ipc.status(calc)["state"] == "disconnected"
    with ipc.serve(address, SERVICE) as server:
        assert server.status()["connections"] == 0
        assert calc.add(2, b=3) == 5
        assert ipc.status(calc)["state"] == "ready"


def test_whatever_is_asked_for_may_be_there_until_the_service_is_heard_of(address: str, calc: Any) -> None:
    with ipc.serve(address, SERVICE):
        none, add = calc.none, calc.add
        assert calc.add is add
        assert calc.math.deep.half(4) == 2
        with pytest.raises(ipc.IpcError) as raised:
            none()
        assert raised.value.code == "unimplemented"
        with pytest.raises(AttributeError, match="has no 'none'"):
            _ = calc.none
        assert dir(calc) == ["add", "math"]
        assert add(1, b=1) == 2  # what was taken before still calls
        assert calc.math.twice(4) == 8


def test_its_views_are_lazy_too(address: str) -> None:
    def lazily() -> Any:
        return ipc.connect(address, lazy=True)

    with ipc.serve(address, SERVICE):
        assert ipc.with_options(lazily(), timeout=5).math.twice(2) == 4
        assert ipc.submit(lazily()).add(1, b=2).result(5) == 3
        assert ipc.notify(lazily()).add(1) is True
        assert ipc.call(lazily(), "add", [1], {"b": 2}) == 3
        assert set(ipc.describe(lazily())["methods"]) == {"add", "math.twice", "math.deep.half"}


def test_the_first_call_waits_for_connect_timeout_and_the_next_tries_anew(address: str) -> None:
    with ipc.connect(address, lazy=True, connect_timeout=0.05) as calc:
        with pytest.raises(ipc.Unavailable, match="no service at") as raised:
            calc.add(1)
        assert raised.value.sent == "no"
        assert ipc.status(calc)["state"] == "disconnected"
        with ipc.serve(address, SERVICE):
            assert calc.add(1) == 1


def test_threads_that_call_at_once_connect_once(address: str, calc: Any) -> None:
    with ipc.serve(address, SERVICE) as server, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(calc.add, range(8))) == list(range(8))
        assert server.status()["connections"] == 1


def test_it_shows_what_it_is(address: str, calc: Any) -> None:
    assert repr(calc) == f"<remote {address}, disconnected>"
    assert repr(calc.math.deep) == f"<remote math.deep in {address}, disconnected>"
    with pytest.raises(AttributeError):
        _ = calc._hidden
    ipc.close(calc)
    with pytest.raises(ipc.IpcError, match="closed"):
        _ = calc.add


@pytest.mark.parametrize("lazy", [1, "yes", None])
def test_mistakes_are_told_at_once(lazy: Any) -> None:
    with pytest.raises(ipc.IpcError, match="lazy is True or False"):
        ipc.connect("calc", lazy=lazy)
    with pytest.raises(ipc.IpcError, match="name"):
        ipc.connect("no/name", lazy=True)


def _call_in_child(calc: Any, told: Any) -> None:
    told.put(calc.add(20, b=1))


def test_a_forked_child_connects_by_itself_where_that_was_asked_for(address: str) -> None:
    calc = ipc.connect(address, lazy=True, reconnect_after_fork=True)
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    child = context.Process(target=_call_in_child, args=(calc, told))
    child.start()
    with ipc.serve(address, SERVICE):
        assert told.get(timeout=20) == 21
        child.join()
        assert calc.add(1) == 1
    ipc.close(calc)
