"""One native Driver for each event loop, and what its events are for."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncGenerator, Callable
from typing import Any, Protocol
from weakref import WeakValueDictionary

from .. import _native
from .._errors import Code, IpcError
from .._process import log as _log
from .._process.threads import refuse_replaced_threads
from .._references.awaited import start_stream
from .._references.hooks import use_for
from .._serve.context import use_remotes
from ._call import Call
from ._drivers import drivers
from ._stream import Stream, next_item

_SPIN_US = 20  # how long the loop's other work may wait for a spin


class ClientLike(Protocol):
    def on_state(self, state: str, code: Code, message: str) -> None: ...
    def on_room(self) -> None: ...


class ServerLike(Protocol):
    def on_state(self, state: str, code: Code, message: str) -> None: ...
    def on_cancel(self, key: tuple[int, int]) -> None: ...


class LoopDriver:
    """Drives all connections of one event loop. Only on the loop's thread, except where said."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        refuse_replaced_threads()
        self.clients: WeakValueDictionary[int, ClientLike] = WeakValueDictionary()
        self.servers: dict[int, ServerLike] = {}
        self.references: Any = None  # once there are any
        self._calls: Any = None
        self.on_released: Callable[[int], object] | None = None
        # Weak, because the dict of drivers must not keep the loop alive.
        self._loop = weakref.ref(loop)
        self.native = _native.Driver(self._loop, Call, _queue_poll(weakref.ref(self)))
        self.native.use_stream_type(Stream, next_item)
        self.native.use_stream_start(start_stream)
        self._fd = self.native.fd()
        loop.add_reader(self._fd, self._drain)
        self._end: AsyncGenerator[None, None] | None = None

    def open(self) -> None:
        """Arranges for the driver to end with its loop: asyncio.run closes asynchronous generators before the loop."""
        self._end = _until_the_loop_ends(self)
        with contextlib.suppress(StopIteration):  # it has come to its yield, and waits for nothing before
            self._end.__anext__().send(None)

    def is_here(self) -> bool:
        """Whether the calling code may use the loop: it runs on the loop, or on no loop while this one does not run."""
        loop, running = self._loop(), asyncio._get_running_loop()
        return loop is running or (running is None and loop is not None and not loop.is_running())

    def check_here(self) -> None:
        if not self.is_here():
            raise IpcError(
                "failed_precondition",
                "a proxy or server of ipcbridge.aio belongs to the event loop on which it was made, and this is another"
                " loop or thread: make one here, or use asyncio.run_coroutine_threadsafe, or the blocking ipcbridge",
            )

    def guard(self) -> asyncio.AbstractEventLoop:
        """The loop, for code that runs while no loop does. Raises as check_here() does."""
        self.check_here()
        loop = self._loop()
        assert loop is not None
        return loop

    @property
    def calls(self) -> Any:
        """How the other sides of connections are called."""
        if self._calls is None:
            from . import _references

            loop = self._loop()
            assert loop is not None
            self._calls = _references.Calls(self, loop)
        return self._calls

    def queue_poll(self) -> None:
        """For the native driver's poll_soon() alone, which knows whether there is one in the queue."""
        loop = self._loop()
        if loop is not None:
            loop.call_soon(self.native.run_poll, self._poll)

    def close_client(self, client_id: int) -> None:
        """Any thread, as finalisers need it; at once on the loop."""
        if not self.native.usable():
            return
        if self.is_here():
            self.native.close_client(client_id)
            return
        loop = self._loop()
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and its connections are
                loop.call_soon_threadsafe(self.close_client, client_id)

    def close_server(self, server_id: int) -> None:
        """Any thread, as close_client(); lets nothing finish."""
        if not self.native.usable():
            return
        if self.is_here():
            self.native.close_server(server_id, 0)
            return
        loop = self._loop()
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and its servers are
                loop.call_soon_threadsafe(self.close_server, server_id)

    def release_reference(self, connection: int, number: int, times: int) -> None:
        """Any thread, as close_client()."""
        if not self.native.usable():
            return
        if self.is_here():
            self.native.release_reference(connection, number, times)
            return
        loop = self._loop()
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and its connections are
                loop.call_soon_threadsafe(self.release_reference, connection, number, times)

    def shut_down(self) -> None:
        loop = self._loop()
        if not self.native.usable():
            return
        if loop is not None and not loop.is_closed():
            loop.remove_reader(self._fd)
        for server in list(self.servers.values()):
            server.on_state("closed", "cancelled", "the event loop was closed")
        self.servers.clear()
        self.native.shut_down()

    def _poll(self) -> None:
        if not self.native.usable():
            return
        found = self.native.poll(0 if self._others_wait() else _SPIN_US)
        if found:
            self._drain()
        elif found is None:
            self.native.poll_soon()
        elif not self.native.prepare_sleep():
            self._drain()

    def _others_wait(self) -> bool:
        """Whether the loop has other work to do at once, such as tasks that the driver began. uvloop does not tell."""
        return bool(getattr(self._loop(), "_ready", False))

    def _drain(self) -> None:
        try:
            self._handle()
        except BaseException:  # what ends the program, or of a signal handler: what is left is looked at later
            if self.native.usable():
                self.native.poll_soon()
            raise

    def _handle(self) -> None:
        if not self.native.usable():
            return
        handled, more = self.native.run(self._on_event, self._on_error)
        if not self.native.usable():
            return
        # More than that may come soon: the loop looks again when its other work has had its chance.
        if handled or more or self._others_wait() or not self.native.prepare_sleep():
            self.native.poll_soon()

    def _on_event(self, event: tuple[Any, ...]) -> None:
        kind, owner, *what = event
        if kind == "released":
            if self.on_released is not None:
                self.on_released(owner)
        elif kind == "client" or kind == "room":
            client = self.clients.get(owner)
            if client is None:
                return
            if kind == "room":
                client.on_room()
            else:
                client.on_state(*what)
        else:
            server = self.servers.get(owner)
            if server is None:
                return
            if kind == "cancel":
                server.on_cancel(*what)
            else:
                server.on_state(*what)

    def _on_error(self, error: BaseException) -> None:
        _log.error("handling what has arrived failed", exc_info=error)


def _queue_poll(driver: weakref.ref[LoopDriver]) -> Callable[[], None]:
    def queue_poll() -> None:
        awake = driver()
        if awake is not None:
            awake.queue_poll()

    return queue_poll


async def _until_the_loop_ends(driver: LoopDriver) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        driver.shut_down()


def running() -> LoopDriver:
    """The driver of the running loop, made when first asked for."""
    loop = asyncio.get_running_loop()
    driver = drivers.get(loop)
    if driver is None or not driver.native.usable():
        for other, its in list(drivers.items()):
            if other.is_closed():
                its.shut_down()
                del drivers[other]
        driver = drivers[loop] = LoopDriver(loop)
        driver.open()
    return driver


def _make_hooks(driver: _native.Driver) -> tuple[Any, ...]:
    from . import _references

    return _references.hooks(driver)


def _remote(native: _native.Driver, connection: int) -> Any:
    return next(each for each in list(drivers.values()) if each.native is native).calls.peers.of_connection(connection)


use_for(_native.Driver, _make_hooks)
use_remotes(_native.Driver, _remote)
