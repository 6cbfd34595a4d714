"""Generators that do more than end when their reader leaves."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from children import Children
from waiting import wait_until

import ipcbridge as ipc


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

    def ping(self) -> str:
        return "pong"


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
@pytest.mark.parametrize("method", ["raising", "yielding", "awaiting", "raising_later", "yielding_later"])
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
