"""Servers of either Python API, for tests of what both do alike."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

import ipcbridge as ipc
from ipcbridge import aio
from ipcbridge._process.listeners import StateListener

KINDS = ["blocking", "asyncio", "uvloop"]
Run = Callable[[Coroutine[Any, Any, Any]], Any]


class Loop:
    """An event loop on a thread of its own, which nothing may complain to."""

    def __init__(self, kind: str) -> None:
        self._loop = uvloop.new_event_loop() if kind == "uvloop" else asyncio.new_event_loop()
        self._complaints: list[dict[str, Any]] = []
        self._loop.set_exception_handler(lambda _loop, complaint: self._complaints.append(complaint))
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        async def wrapped() -> Any:
            return function(*args)

        return self.run(wrapped())

    def end(self) -> None:
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        gc.collect()  # an exception that nobody has looked at is told of when its task is freed
        assert self._complaints == []


class LoopServer:
    """A server of ipcbridge.aio, used from another thread than its loop's."""

    def __init__(self, loop: Loop, *args: Any, **options: Any) -> None:
        self._loop = loop
        self._server = loop.run(aio.serve(*args, **options))

    def status(self) -> Any:
        return self._loop.call(self._server.status)

    def on_state(self, listener: StateListener) -> Callable[[], None]:
        unsubscribe = self._loop.call(aio.on_state, self._server, listener)
        return lambda: self._loop.call(unsubscribe)

    def close(self, grace: float = 10) -> None:
        self._loop.run(self._server.close(grace))

    async def close_async(self, grace: float) -> None:
        await self._server.close(grace)

    def wait(self) -> None:
        self._loop.run(self._server.wait())


class BlockingServer:
    def __init__(self, *args: Any, **options: Any) -> None:
        self._server = ipc.serve(*args, **options)

    def status(self) -> Any:
        return self._server.status()

    def on_state(self, listener: StateListener) -> Callable[[], None]:
        return ipc.on_state(self._server, listener)

    def close(self, grace: float = 10) -> None:
        self._server.close(grace)

    async def close_async(self, grace: float) -> None:
        self._server.close(grace)

    def wait(self) -> None:
        self._server.wait()
