"""Generators that do more than end when their reader leaves."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from children import Children
from either import Run
from waiting import wait_until

import ipcbridge as ipc
from ipcbridge import aio


class Rows:
    def __init__(self) -> None:
        self.closed = threading.Semaphore(0)

    def raising(self) -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            self.closed.release()
            raise LookupError("raised in finally")

    def yielding(self) -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            self.closed.release()
            yield -1

    async def awaiting(self) -> AsyncIterator[int]:
        try:
            for number in itertools.count():
                yield number
        finally:
            await asyncio.sleep(0)
            self.closed.release()

    async def raising_later(self) -> AsyncIterator[int]:
        try:
            for number in itertools.count():
                yield number
        finally:
            self.closed.release()
            await asyncio.sleep(0)
            raise LookupError("raised in finally")

    async def yielding_later(self) -> AsyncIterator[int]:
        try:
            for number in itertools.count():
                yield number
        finally:
            self.closed.release()
            yield -1

    def first(self, numbers: Iterator[int]) -> int:
        return next(numbers)

    def ping(self) -> str:
        return "pong"


METHODS = ["raising", "yielding", "awaiting", "raising_later", "yielding_later"]


class Told:
    """What generators have raised in their `finally`, wherever they ran."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.errors: list[BaseException | None] = []
        monkeypatch.setattr(sys, "unraisablehook", lambda told: self.errors.append(told.exc_value))

    def by_loop(self, _loop: object, complaint: dict[str, Any]) -> None:
        self.errors.append(complaint.get("exception"))

    def lookups(self) -> int:
        return sum(1 for error in self.errors if isinstance(error, LookupError))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


class Endless:
    def __init__(self) -> None:
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        return 1

    def close(self) -> None:
        self.closed.set()


def test_it_ends_with_its_client_though_the_result_that_brings_it_has_not_been_sent(
    serve_either: Any, children: Children
) -> None:
    endless = Endless()

    def answer(pid: int) -> list[Any]:
        os.kill(pid, signal.SIGSTOP)
        return [bytes(30_000_000), ipc.stream(endless)]

    server = serve_either("rows", {"answer": answer})
    child = children.run("""
        with ipc.connect("rows") as rows:
            rows.answer(os.getpid())
    """)
    wait_until(lambda: ipc.status(server)["open_streams"] == 1)
    child.kill()
    assert endless.closed.wait(30)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("method", METHODS)
def test_its_finally_runs_once_and_costs_nobody_else(
    method: str, serve: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "asyncio")  # which tells of its own of a generator that yields when it is closed
    service = Rows()
    serve("rows", service)
    rows = connect("rows")
    for _ in range(3):
        stream = getattr(rows, method)()
        assert [next(stream) for _ in range(3)] == [0, 1, 2]
        stream.close()
        assert service.closed.acquire(timeout=30)
        assert rows.ping() == "pong"
    assert not service.closed.acquire(blocking=False)
    assert ipc.status(rows)["open_streams"] == 0


@pytest.mark.parametrize("method", METHODS)
def test_under_asyncio_too_and_what_it_raises_is_told(method: str, run: Run, told: Told) -> None:
    service = Rows()

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(told.by_loop)
        async with await aio.serve("rows", service), aio.connect("rows") as rows:
            for _ in range(3):
                async with await getattr(rows, method)() as stream:
                    assert [await stream.__anext__() for _ in range(3)] == [0, 1, 2]
                assert await asyncio.to_thread(service.closed.acquire, timeout=30)
                assert await rows.ping() == "pong"
            while aio.status(rows)["open_streams"]:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.001)
        assert not service.closed.acquire(blocking=False)

    run(main())
    assert told.lookups() == (3 if method.startswith("raising") else 0)


@pytest.mark.parametrize("method", METHODS)
def test_as_an_argument_under_asyncio(method: str, serve_either: Any, run: Run, told: Told) -> None:
    mine = Rows()
    serve_either("rows", Rows())

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(told.by_loop)
        async with aio.connect("rows") as rows:
            for _ in range(3):
                assert await rows.first(getattr(mine, method)()) == 0
                assert await asyncio.to_thread(mine.closed.acquire, timeout=30)
                assert await rows.ping() == "pong"
            while aio.status(rows)["open_streams"]:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.001)
        assert not mine.closed.acquire(blocking=False)

    run(main())
    assert told.lookups() == (3 if method.startswith("raising") else 0)


@pytest.mark.parametrize("method", ["raising", "yielding"])
def test_as_an_argument_of_a_blocking_call(method: str, serve_either: Any, connect: Any, told: Told) -> None:
    mine = Rows()
    serve_either("rows", Rows())
    rows = connect("rows")
    for _ in range(3):
        assert rows.first(getattr(mine, method)()) == 0
        assert mine.closed.acquire(timeout=30)
        assert rows.ping() == "pong"
    assert not mine.closed.acquire(blocking=False)
    assert told.lookups() == (3 if method == "raising" else 0)
