"""What Python's peers pass by reference."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from async_streams import numbers_later
from lines import event
from streams import numbers

import ipcbridge as ipc

READ = ["add", "_x", "nope"]
"""What of a counter is asked for in vain: a method, what is private, and what it does not have."""
SET = [*READ, "twice"]
"""The same, and what has no setter."""


def function_of(kind: str) -> Callable[[Any], Any]:
    """A function to be called back, by its name in tests/cross/test_callbacks.py."""

    def plain(value: Any) -> Any:
        return value * 2

    async def later(value: Any) -> Any:
        await asyncio.sleep(0)
        return value * 2

    def raising(value: Any) -> Any:
        raise LookupError(f"nothing for {value}")

    functions = {"plain": plain, "async": later, "raising": raising}
    return {**functions, "summing": total, "making": numbers, "borrowing": lambda function: 2 * function(20)}[kind]


def async_function_of(kind: str) -> Callable[[Any], Any]:
    """The same where it is to await what it is passed."""

    async def borrow(function: Any) -> Any:
        return 2 * await function(20)

    functions = {"summing": total_later, "making": numbers_later, "borrowing": borrow}
    return functions.get(kind) or function_of(kind)


def total(numbers: Any) -> int:
    return sum(numbers)


async def total_later(numbers: Any) -> int:
    return sum([number async for number in numbers])


class Gate:
    """A function to be called back that returns when the harness says so, and tells when it is cancelled."""

    def __init__(self) -> None:
        self._opened = threading.Event()

    def open(self) -> None:
        self._opened.set()

    def close(self) -> None:
        self._opened.clear()

    def wait(self, value: Any) -> Any:
        event("asked")
        cancellation = ipc.context().cancellation
        while not self._opened.wait(0.001):
            if cancellation.is_set():
                event("callback cancelled")
                return None
        return value


class AsyncGate:
    """The same for an event loop."""

    def __init__(self) -> None:
        self._opened = asyncio.Event()

    def open(self) -> None:
        self._opened.set()

    def close(self) -> None:
        self._opened.clear()

    async def wait(self, value: Any) -> Any:
        event("asked")
        try:
            await self._opened.wait()
        except asyncio.CancelledError:
            event("callback cancelled")
            raise
        return value


class Tally:
    """An object that travels by reference."""

    def __init__(self) -> None:
        self.total = 0

    def add(self, number: int) -> int:
        self.total += number
        return self.total


def offered(total: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """What a client serves to the service that it connects to."""
    return {"answer": lambda value: value * 10, "refuse": function_of("raising"), "total": total}


def code_of(act: Callable[[], Any]) -> str:
    try:
        act()
    except ipc.IpcError as error:
        return error.code
    return "nothing"


async def code_of_awaited(act: Callable[[], Any]) -> str:
    try:
        await act()
    except ipc.IpcError as error:
        return error.code
    return "nothing"
