"""A result that can be awaited is awaited, however the handler was made."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import ipcbridge as ipc


async def work(x: int) -> int:
    await asyncio.sleep(0)
    return x + 1


async def fail(_x: int) -> None:
    await asyncio.sleep(0)
    raise ValueError("x")


def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def inner(*args: Any) -> Any:
        return function(*args)

    return inner


class Awaitable:
    def __await__(self) -> Generator[Any, None, int]:
        yield from asyncio.sleep(0).__await__()
        return 2


class CallableObject:
    def __call__(self, x: int) -> Any:
        return work(x)


HANDLERS: dict[str, Callable[..., Any]] = {
    "a coroutine function": work,
    "a partial": functools.partial(work),
    "wraps": traced(work),
    "a lambda": lambda x: work(x),
    "lru_cache": functools.lru_cache(work),
    "an awaitable": lambda _x: Awaitable(),
    "a callable object": CallableObject(),
}
KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "parallel": dict,
    "serial": lambda: {"serial": True},
    "executor": lambda: {"executor": ThreadPoolExecutor(2)},
    "serial on an executor": lambda: {"serial": True, "executor": ThreadPoolExecutor(2)},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("handler", HANDLERS)
def test_its_result_is_awaited(handler: str, kind: str, serve_either: Any, connect: Any) -> None:
    function = functools.lru_cache(work) if handler == "lru_cache" else HANDLERS[handler]
    serve_either("calc", {"f": function, "ok": lambda: "ok"}, **KINDS[kind]())
    calc = ipc.with_options(connect("calc"), timeout=60)
    assert calc.f(1) == 2
    assert calc.ok() == "ok"


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_raises_is_an_answer(kind: str, serve_either: Any, connect: Any) -> None:
    serve_either("calc", {"f": traced(fail), "ok": lambda: "ok"}, **KINDS[kind]())
    calc = ipc.with_options(connect("calc"), timeout=60)
    with pytest.raises(ipc.RemoteError) as caught:
        calc.f(1)
    assert caught.value.type == "ValueError"
    assert calc.ok() == "ok"


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_cancelled_when_the_caller_gives_up(kind: str, serve_either: Any, connect: Any) -> None:
    began, cancelled = threading.Event(), threading.Event()

    async def wait() -> None:
        began.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    serve_either("calc", {"wait": traced(wait), "ok": lambda: "ok"}, **KINDS[kind]())
    calc = connect("calc")
    with pytest.raises(ipc.DeadlineExceeded):
        ipc.with_options(calc, timeout=0.5).wait()
    assert began.is_set() == cancelled.wait(60 if began.is_set() else 0)
    assert ipc.with_options(calc, timeout=60).ok() == "ok"


def test_a_serial_service_waits_for_what_is_awaited(serve_either: Any, connect: Any) -> None:
    inside, most = 0, 0

    async def count() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.001)
        inside -= 1

    serve_either("calc", {"count": traced(count)}, serial=True)
    calc = connect("calc")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: calc.count(), range(40)))
    assert most == 1


def test_context_is_known_inside(serve_either: Any, connect: Any) -> None:
    async def name() -> str:
        await asyncio.sleep(0)
        return ipc.context().method

    serve_either("calc", {"name": traced(name)})
    assert connect("calc").name() == "name"
