"""The service of the Python peers; service.mjs is the same in JavaScript, async_service.py with `async def`."""

from __future__ import annotations

import asyncio
import builtins
import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

from calls import clients
from lines import event
from telling import tell

import ipcbridge as ipc


class Deeper(Exception):
    pass


class Broken(Exception):
    pass


class Counter:
    """An object that travels by reference."""

    def __init__(self) -> None:
        self.total = 0

    @property
    def twice(self) -> int:
        return 2 * self.total

    def add(self, number: int) -> int:
        self.total += number
        return self.total


class Service:
    def __init__(self, connect: Callable[[str], Any]) -> None:
        self._connect = connect
        self._connections: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._kept: Any = None
        deep = SimpleNamespace(reverse=lambda text: text[::-1])
        self.text = SimpleNamespace(upper=lambda text: text.upper(), deep=deep)

    def add(self, a: Any, b: Any = 0) -> Any:
        return a + b

    def echo(self, value: Any) -> Any:
        return value

    def keywords(self, a: int, b: int = 2, *, c: int = 3) -> list[int]:
        return [a, b, c]

    def size(self, data: bytes) -> int:
        return len(data)

    def zeros(self, length: int) -> bytes:
        return bytes(length)

    def pid(self) -> int:
        return os.getpid()

    def note(self, value: Any) -> None:
        event("noted", value=tell(value))

    def about(self) -> dict[str, Any]:
        context = ipc.context()
        return {"method": context.method, "metadata": context.metadata, "deadline": context.deadline}

    def relay(self, client: str, method: str) -> list[Any]:
        """What this handler hears of its call, and what a service behind this one answers."""
        return [self.about(), getattr(clients[client], method)()]

    def fail(self) -> None:
        raise Broken("the outer message") from Deeper("the inner message")

    def fail_together(self) -> None:
        inner = builtins.ExceptionGroup("inner", [Deeper("two")])  # type: ignore[attr-defined]  # from Python 3.11 on
        raise builtins.ExceptionGroup("all failed", [Broken("one"), inner])  # type: ignore[attr-defined]

    def open_missing(self) -> None:
        os.open("/nowhere/at/all", os.O_RDONLY)

    def throttle(self) -> None:
        error = Broken("slow down")
        vars(error).update(retry_after=1.5, unsendable=object())
        raise error

    def refuse(self, code: Any, details: Any) -> None:
        raise ipc.IpcError(code, "refused as asked", details)

    def unencodable(self) -> dict[str, Any]:
        return {"items": [0, 1, 2, object()]}

    def numbers(self, count: int) -> Iterator[int]:
        try:
            yield from range(count)
        finally:
            event("numbers ended")

    def numbers_then_hold(self, count: int) -> Iterator[int]:
        try:
            yield from range(count)
            self.hold()
        finally:
            event("numbers ended")

    def fail_after(self, count: int) -> Iterator[int]:
        yield from range(count)
        raise Broken("the outer message")

    def yield_unencodable(self) -> Iterator[Any]:
        yield 1
        yield {"items": [0, object()]}

    def total(self, numbers: Iterable[int]) -> int:
        return sum(numbers)

    def first(self, numbers: Iterable[int]) -> int:
        return next(iter(numbers))

    def fail_reading(self, numbers: Iterable[int], count: int) -> None:
        for number in numbers:
            if number == count - 1:
                raise Broken("the outer message")

    def hold_reading(self, numbers: Iterable[int], count: int) -> Any:
        for number in numbers:
            if number == count - 1:
                return self.hold()
        return None

    def double(self, numbers: Iterable[int]) -> Iterator[int]:
        return (2 * number for number in numbers)

    def each(self, items: list[Any], function: Callable[[Any], Any]) -> list[Any]:
        return [function(item) for item in items]

    def each_later(self, count: int, function: Callable[[Any], Any]) -> Iterator[Any]:
        for number in range(count):
            yield function(number)

    def pour(self, count: int, function: Any) -> Any:
        return function(self.numbers(count))

    async def pour_awaiting(self, count: int, function: Any) -> Any:
        return await function(self.numbers(count))

    def pour_back(self, count: int) -> Any:
        return ipc.context().peer.remote.total(self.numbers(count))

    async def pour_back_awaiting(self, count: int) -> Any:
        return await ipc.context().peer.remote.total(self.numbers(count))

    def draw(self, count: int, function: Any) -> int:
        return sum(function(count))

    async def draw_awaiting(self, count: int, function: Any) -> int:
        return sum([number async for number in await function(count)])

    def lend(self, function: Any) -> Any:
        return function(lambda value: value + 1)

    async def lend_awaiting(self, function: Any) -> Any:
        return await function(lambda value: value + 1)

    def keep(self, function: Callable[[Any], Any]) -> bool:
        before, self._kept = self._kept, function
        return before is function

    def fire(self, value: Any) -> Any:
        return self._kept(value)

    def same(self, one: Callable[[Any], Any], other: Callable[[Any], Any], third: Callable[[Any], Any]) -> list[bool]:
        return [one is other, one is third]

    def counter(self) -> Any:
        return ipc.proxy(Counter())

    def count_with(self, counter: Any) -> Any:
        return counter.add(5)

    def who(self) -> list[Any]:
        peer = ipc.context().peer
        return [peer.pid, peer.uid, peer.name, peer.language]

    def ask_back(self, value: Any) -> Any:
        return ipc.context().peer.remote.answer(value)

    async def sleep(self, milliseconds: float) -> None:
        await asyncio.sleep(milliseconds / 1000)

    def wait(self, milliseconds: float) -> bool:
        """For so long, or until the call is cancelled."""
        return ipc.context().cancellation.wait(milliseconds / 1000)

    def hold(self) -> str:
        return self.hold_plain()

    def hold_plain(self) -> str:
        """Looks at it now and then."""
        context = ipc.context()
        event("held")
        while not context.cancelled():
            time.sleep(0.001)
        event("released")
        return "too late"

    def hold_waiting(self) -> str:
        """Sleeps until it is told."""
        cancellation = ipc.context().cancellation
        event("held")
        cancellation.wait()
        if cancellation.is_set():
            event("released")
        return "too late"

    def stall(self, path: str) -> None:
        """Waits until something is written to the pipe."""
        with open(path, "rb", buffering=0) as pipe:
            event("stalling")
            pipe.read(1)

    def grip(self, path: str) -> None:
        """The same, and nothing else runs in this process meanwhile: holds the GIL."""
        with open(path, "rb", buffering=0) as pipe:
            byte = ctypes.create_string_buffer(1)
            event("gripping")
            ctypes.PyDLL(None).read(pipe.fileno(), byte, 1)

    def grip_counter(self, path: str) -> Any:
        self.grip(path)
        event("gripped")
        return ipc.proxy(Counter())

    def bounce(self, there: str, here: str, depth: int) -> int:
        """Calls the caller's service, which calls this one, and so on."""
        if depth == 0:
            return 0
        with self._lock:
            if there not in self._connections:
                self._connections[there] = self._connect(there)
        return 1 + self._connections[there].bounce(here, there, depth - 1)
