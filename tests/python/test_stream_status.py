"""status() shows the streams that are open, and what they wait for."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from either import Run

import ipcbridge as ipc
from ipcbridge import aio

IDLE = (0, None, 0)


def streams_of(status: dict[str, Any]) -> tuple[int, int | None, int]:
    """How many are open, stalled and awaited."""
    stalled = status["stalled_streams"]
    return status["open_streams"], stalled and stalled["count"], status["awaited_streams"]


def wait_until(satisfied: Callable[[], bool], call: Callable[[], object]) -> None:
    """Calls meanwhile: nobody tells of a stream that waits."""
    end = time.monotonic() + 30
    while not satisfied():
        assert time.monotonic() < end
        call()


class Service:
    def __init__(self) -> None:
        self.go_on = threading.Event()

    def numbers(self) -> Iterator[int]:
        return (number for number in itertools.count())

    def quiet(self) -> Iterator[int]:
        yield 1
        self.go_on.wait(30)

    def take(self, numbers: Iterator[int]) -> int:
        self.go_on.wait(30)
        return next(numbers)

    def ping(self) -> None:
        pass

    def ask(self, function: Callable[[], Any]) -> Any:
        return function()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.go_on.set()


def test_a_reader_that_stalls_shows_and_is_gone_when_it_reads(
    service: Service, serve_either: Any, connect: Any, address: str
) -> None:
    server, calc = serve_either(address, service), connect(address)
    assert streams_of(server.status()) == streams_of(ipc.status(calc)) == IDLE
    stream = calc.numbers()
    # A full socket stalls it for a moment, too.
    wait_until(lambda: (server.status()["stalled_streams"] or {"seconds": 0})["seconds"] > 0.1, calc.ping)
    assert streams_of(server.status()) == (1, 1, 0)
    assert streams_of(ipc.status(calc)) == (1, None, 0)
    first = server.status()["stalled_streams"]["seconds"]
    wait_until(lambda: server.status()["stalled_streams"]["seconds"] > first, calc.ping)
    began = time.monotonic()
    assert list(itertools.islice(stream, 20_000)) == list(range(20_000))
    # It has gone on meanwhile, whether or not it has come to the end of its window again: that stall is younger.
    stalled = server.status()["stalled_streams"]
    assert stalled is None or stalled["seconds"] < time.monotonic() - began
    stream.close()
    wait_until(lambda: streams_of(server.status()) == streams_of(ipc.status(calc)) == IDLE, calc.ping)


def test_the_time_is_that_of_the_last_stall(service: Service, serve_either: Any, connect: Any) -> None:
    server = serve_either("calc", service)
    calc = connect("calc", limits={"stream_window_items": 2})
    with calc.numbers() as stream:
        wait_until(lambda: server.status()["stalled_streams"] is not None, calc.ping)
        began = time.monotonic()
        wait_until(lambda: server.status()["stalled_streams"]["seconds"] > 0.05, calc.ping)
        assert list(itertools.islice(stream, 4)) == [0, 1, 2, 3]
        wait_until(lambda: server.status()["stalled_streams"] is not None, calc.ping)
        assert server.status()["stalled_streams"]["seconds"] < time.monotonic() - began


def test_a_stream_whose_items_do_not_come_is_awaited(service: Service, serve_either: Any, connect: Any) -> None:
    server, calc = serve_either("calc", service), connect("calc")
    stream = calc.quiet()
    assert next(stream) == 1
    reader = threading.Thread(target=list, args=(stream,))
    reader.start()
    wait_until(lambda: streams_of(ipc.status(calc)) == (1, None, 1), calc.ping)
    assert streams_of(server.status()) == (1, None, 0)
    assert ipc.status(calc)["links"][0]["awaited_streams"] == 1
    service.go_on.set()
    reader.join()
    wait_until(lambda: streams_of(server.status()) == streams_of(ipc.status(calc)) == IDLE, calc.ping)


def test_a_handler_that_does_not_read_its_argument_stalls_the_caller(
    service: Service, serve_either: Any, connect: Any
) -> None:
    server, calc = serve_either("calc", service), connect("calc")
    caller = threading.Thread(target=calc.take, args=(service.numbers(),))
    caller.start()
    wait_until(lambda: streams_of(ipc.status(calc)) == (1, 1, 0), calc.ping)
    assert streams_of(server.status()) == (1, None, 0)
    service.go_on.set()
    caller.join()
    wait_until(lambda: streams_of(server.status()) == streams_of(ipc.status(calc)) == IDLE, calc.ping)


def test_a_callback_that_runs_shows_on_both_sides(service: Service, serve_either: Any, connect: Any) -> None:
    server, calc = serve_either("calc", service), connect("calc")
    seen: list[tuple[int, int]] = []

    def function() -> None:
        seen.append((ipc.status(calc)["running_calls"], server.status()["pending_calls"]))

    calc.ask(function)
    assert seen == [(1, 1)]
    assert (ipc.status(calc)["running_calls"], server.status()["pending_calls"]) == (0, 0)


def test_on_an_event_loop(service: Service, serve_either: Any, run: Run) -> None:
    server = serve_either("calc", service)

    async def main() -> None:
        async with aio.connect("calc") as calc:
            stream = await calc.numbers()
            while server.status()["stalled_streams"] is None:
                await calc.ping()
            assert streams_of(aio.status(calc)) == (1, None, 0)
            stream.close()
            while streams_of(aio.status(calc)) != IDLE:
                await calc.ping()

    run(main())


def test_a_closed_server_has_no_streams(service: Service, serve_either: Any) -> None:
    server = serve_either("calc", service)
    server.close()
    assert streams_of(server.status()) == IDLE
    assert server.status()["pending_calls"] == 0
