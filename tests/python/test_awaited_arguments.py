"""What `async def` handlers of the blocking server pass to those they await: generators and functions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from children import Children
from references import shared
from waiting import wait_until

import ipcbridge as ipc


class Noted:
    """Generators that note where they run, and how often they end."""

    def __init__(self) -> None:
        self.ended = threading.Semaphore(0)
        self.ends = 0
        self.made = 0
        self.threads: set[str] = set()

    def _end(self) -> None:
        self.ends += 1
        self.ended.release()

    def numbers(self, count: int) -> Iterator[int]:
        self.threads.add(threading.current_thread().name)
        try:
            for number in range(count):
                self.made += 1
                yield number
        finally:
            self._end()

    async def numbers_later(self, count: int) -> AsyncIterator[int]:
        try:
            for number in range(count):
                self.made += 1
                yield number
                await asyncio.sleep(0)
        finally:
            self._end()

    async def silent(self) -> AsyncIterator[int]:
        self.threads.add(threading.current_thread().name)
        try:
            yield 1
            await asyncio.sleep(3600)
        finally:
            self._end()

    def has_ended_once(self) -> bool:
        return self.ended.acquire(timeout=30) and self.ends == 1


class Service(Noted):
    """Awaits the function that it is passed, and the caller's own methods."""

    async def pass_generator(self, function: Any, count: int) -> Any:
        return await function(self.numbers(count))

    async def pass_async_generator(self, function: Any, count: int) -> Any:
        return await function({"inside": [self.numbers_later(count)]})

    async def pass_iterable(self, function: Any) -> Any:
        return await function(ipc.stream([1, 2, 3]))

    async def pass_silent(self, function: Any) -> Any:
        return await function(self.silent())

    async def pass_silent_for_a_moment(self, function: Any) -> str:
        try:
            await asyncio.wait_for(function(self.silent()), 0.05)
        except asyncio.TimeoutError:
            return "late"
        return "in time"

    async def pass_function(self, function: Any) -> Any:
        return await function(lambda value: [value, threading.current_thread().name])

    async def pass_async_function(self, function: Any) -> Any:
        async def double(value: int) -> int:
            await asyncio.sleep(0)
            return 2 * value

        return await function(double)

    async def called_in_order(self, function: Any) -> Any:
        seen: list[int] = []
        await function(seen.append)
        return list(seen)

    async def double_on(self, function: Any, count: int) -> list[int]:
        return [number async for number in await function(self.numbers_later(count))]

    async def of_the_results_items(self, function: Any) -> list[int]:
        return [number async for number in await function(lambda number: 2 * number)]

    async def to_the_peer(self, count: int) -> list[Any]:
        remote = ipc.context().peer.remote
        return [await remote.total(self.numbers(count)), await remote.call(lambda: 7)]

    async def fails(self, function: Any) -> Any:
        def numbers() -> Iterator[int]:
            yield 1
            raise KeyError("enough")

        return await function(numbers())

    async def cannot_be_sent(self, function: Any) -> Any:
        return await function(self.numbers(3), object())

    async def late(self, function: Any) -> Any:
        return await ipc.with_options(function, timeout=0)(self.numbers(3), lambda: 1)

    async def notify(self, function: Any) -> None:
        await ipc.notify(function)(lambda: 1)


@pytest.fixture(params=["shm", "unix"])
def address(request: pytest.FixtureRequest, names_directory: Path) -> str:
    return f"{request.param}://{names_directory}/calc.socket"


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def calc(address: str, serve: Any, connect: Any, service: Service) -> Any:
    serve(address, service)
    return connect(address, serve={"total": sum, "call": lambda function: function()})


@pytest.mark.parametrize("count", [0, 5, 30_000])
def test_a_generator(calc: Any, service: Service, count: int) -> None:
    assert calc.pass_generator(sum, count) == sum(range(count))
    if count > 0:
        assert service.has_ended_once()
        assert service.threads == {"ipcbridge-async"}


def test_an_async_generator_within_values(calc: Any, service: Service) -> None:
    assert calc.pass_async_generator(lambda value: sum(value["inside"][0]), 20_000) == sum(range(20_000))
    assert service.has_ended_once()


def test_an_iterable_that_is_told_to_be_a_stream(calc: Any) -> None:
    assert calc.pass_iterable(sorted) == [1, 2, 3]


def test_it_makes_no_more_items_than_the_reader_has_room_for(
    address: str, serve: Any, connect: Any, service: Service
) -> None:
    serve(address, service)
    calc = connect(address, limits={"stream_window_items": 4})
    assert calc.pass_generator(lambda numbers: next(numbers), 10**9) == 0
    assert service.has_ended_once()
    assert service.made <= 6


def test_what_is_left_of_it_ends_with_the_call(calc: Any, service: Service) -> None:
    assert calc.pass_silent(next) == 1
    assert service.has_ended_once()
    assert shared() == 0


def test_it_ends_when_the_handler_waits_no_longer(calc: Any, service: Service) -> None:
    assert calc.pass_silent_for_a_moment(lambda numbers: ipc.context().cancellation.wait(30)) == "late"
    assert service.has_ended_once()


def test_it_ends_when_the_caller_gives_up(calc: Any, service: Service) -> None:
    with pytest.raises(ipc.DeadlineExceeded):
        ipc.with_options(calc, timeout=0.05).pass_silent(lambda numbers: ipc.context().cancellation.wait(30))
    assert service.has_ended_once()


def test_it_ends_when_the_peer_dies(address: str, serve: Any, service: Service, children: Children) -> None:
    serve(address, service)
    child = children.run(f"""
        def die(numbers):
            say(next(numbers))
            os._exit(0)

        ipc.connect({address!r}).pass_silent(die)
    """)
    child.expect("1")
    assert service.has_ended_once()


def test_its_exception_is_told(calc: Any) -> None:
    with pytest.raises(ipc.RemoteError, match="enough"):
        calc.fails(sorted)


def test_what_could_not_be_sent_is_closed(calc: Any, service: Service) -> None:
    for method in (calc.cannot_be_sent, calc.late):
        with pytest.raises(ipc.RemoteError):
            method(len)
    assert service.made == 0
    assert shared() == 0


def test_a_function_runs_on_the_loop(calc: Any) -> None:
    assert calc.pass_function(lambda function: function(7)) == [7, "ipcbridge-async"]
    assert calc.pass_async_function(lambda function: function(7)) == 14
    assert shared() == 0


def test_it_is_called_in_order_and_before_the_handler_goes_on(calc: Any) -> None:
    def call(function: Callable[[int], Any]) -> None:
        for number in range(100):
            ipc.notify(function)(number)

    assert calc.called_in_order(call) == list(range(100))


def test_it_ends_with_the_call_that_it_is_passed_to(calc: Any) -> None:
    kept: list[Any] = []
    calc.pass_function(kept.append)
    with pytest.raises(ipc.IpcError) as caught:
        kept[0](1)
    assert caught.value.code == "failed_precondition"


def test_a_notification_passes_no_function(calc: Any) -> None:
    with pytest.raises(ipc.RemoteError, match=r"pass ipc\.retain\(function\)"):
        calc.notify(len)


def test_it_lives_as_long_as_the_streams_of_the_result(calc: Any) -> None:
    def each(function: Callable[[int], int]) -> Iterator[int]:
        for number in range(500):
            yield function(number)

    assert calc.of_the_results_items(each) == [2 * number for number in range(500)]
    wait_until(lambda: shared() == 0)


def test_both_ways_at_once(calc: Any, service: Service) -> None:
    doubled = calc.double_on(lambda numbers: (2 * number for number in numbers), 20_000)
    assert doubled == [2 * number for number in range(20_000)]
    assert service.has_ended_once()


def test_to_a_method_of_the_caller(calc: Any, service: Service) -> None:
    assert calc.to_the_peer(20_000) == [sum(range(20_000)), 7]
    assert service.has_ended_once()


def test_the_loop_goes_on_meanwhile(calc: Any, service: Service) -> None:
    def read(numbers: Iterator[int]) -> int:
        assert calc.pass_function(lambda function: function(1)) == [1, "ipcbridge-async"]
        return next(numbers)

    assert calc.pass_silent(read) == 1
