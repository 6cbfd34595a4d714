"""References of one event loop: callbacks run on the loop."""

from __future__ import annotations

import asyncio
import contextvars
import weakref
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from .. import _native
from .._by_reference import RemoteObject
from .._client.descriptions import Descriptions
from .._errors import Code, IpcError
from .._options import CallOptions
from .._process.listeners import Listeners
from .._references.owned import Owned, add_owners
from .._references.peers import Peers
from .._references.remote import Received, RemoteFunction
from .._serve.failures import CANCELLED
from .._serve.service import fail
from ._client import Proxy
from ._drivers import drivers
from ._loop import LoopDriver
from ._server import Server

if TYPE_CHECKING:
    from typing_extensions import Self

_Key = tuple[int, int]


class _References:
    """What runs the callbacks of a loop."""

    def __init__(self, driver: LoopDriver, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)  # which must not be kept by its driver
        self._tasks: dict[_Key, asyncio.Task[None]] = {}
        # Weak, because the native driver keeps this.
        self.owned = Owned(weakref.proxy(driver.native), self._start_task, lambda: None)
        driver.servers[driver.native.serve_attached([], [], True)] = self
        driver.on_released = self.owned.released

    def _start_task(self, call: _native.InboundCall, work: Coroutine[Any, Any, None]) -> None:
        loop = self._loop()
        if loop is None:
            work.close()
            return
        task = contextvars.copy_context().run(loop.create_task, work)
        key = call.key

        def forget(task: asyncio.Task[None]) -> None:
            self._tasks.pop(key, None)
            if task.cancelled():  # before it began, so that nothing has answered
                fail(call, CANCELLED)

        self._tasks[key] = task
        task.add_done_callback(forget)

    def on_cancel(self, key: _Key) -> None:
        task = self._tasks.get(key)
        if task is not None:
            task.cancel()

    def on_state(self, state: str, code: Code, message: str) -> None:
        pass


class Calls:
    """How a loop calls what the other side has."""

    def __init__(self, driver: LoopDriver, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._loop_driver = weakref.ref(driver)
        self.peers = Peers(self, Proxy)

    @property
    def driver(self) -> _native.Driver:
        return self._driver_of_loop().native

    def _driver_of_loop(self) -> LoopDriver:
        driver = self._loop_driver()
        if driver is None:
            raise IpcError("failed_precondition", "the event loop was closed")
        return driver

    def client_of(self, connection: int) -> int:
        return self.driver.peer_client(connection)

    def observer(self, client: int) -> Any:
        self.driver.check_process()
        return self._driver_of_loop().clients.get(client)

    def observe(self, client: int, observer: Any) -> int:
        self._driver_of_loop().clients[client] = observer
        return 0

    def release(self, connection: int, number: int, times: int) -> None:
        self._driver_of_loop().release_reference(connection, number, times)

    def tell(self, listeners: Listeners, state: str, code: str, message: str, number: int) -> None:
        listeners.tell(state, code, message, number)

    def callbacks(self, describe: Any, drop: Any) -> tuple[Any, Any, Any, Any]:
        return describe, lambda: self._driver_of_loop().guard(), drop, _no_room

    def wrapped(self, make: Callable[[CallOptions], _native.Caller], options: CallOptions) -> Callable[..., Any]:
        return _OnAnyThread(make(options), self._loop)

    async def described(self, descriptions: Descriptions, caller: Any, generation: int) -> Any:
        return descriptions.keep(await caller(), generation)


class Attached(Server):
    """What a client offers to the service that it has connected to."""

    def start_attached(self) -> int:
        native = self._driver.native
        self._id = native.serve_attached(self._service.names, self._service.serial_groups(), False)
        self._driver.servers[self._id] = self
        self._add_handlers()
        return self._id


class _OnAnyThread:
    """Gives what is to be awaited; on the threads of plain handlers it blocks."""

    __slots__ = ("__weakref__", "_caller", "_loop")

    def __init__(self, caller: _native.Caller, loop: weakref.ref[asyncio.AbstractEventLoop]) -> None:
        self._caller = caller
        self._loop = loop

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        loop = self._loop()
        if loop is None or asyncio._get_running_loop() is not None or not loop.is_running():
            return self._caller(*args, **kwargs)

        async def call() -> Any:
            return await self._caller(*args, **kwargs)

        return asyncio.run_coroutine_threadsafe(call(), loop).result()

    def __repr__(self) -> str:
        return repr(self._caller)

    def __reduce__(self) -> Any:
        return self._caller.__reduce__()


def _no_room(call: Any, _payload: bytes) -> None:
    raise AssertionError("a call that finds no room is kept by clients only")


class _Object(Proxy, RemoteObject):
    """An object of the other side's: await its methods. Given back by `with` and `async with`, as functions are."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._remote.close()  # type: ignore[attr-defined]


class _Function(RemoteFunction):
    __slots__ = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._remote.close()


def hooks(native: _native.Driver) -> tuple[Any, ...]:
    """What bindings/python/references.cpp asks for."""
    loop, driver = next((loop, driver) for loop, driver in list(drivers.items()) if driver.native is native)
    references = _References(driver, loop)
    received = Received(driver.calls, _Object, _Function)
    owned = references.owned
    driver.references = references
    handlers = [(references, "callback", None, owned.begin)]
    return owned.share, owned.end, received.receive, handlers, lambda: None


def _owned() -> list[Owned]:
    return [driver.references.owned for driver in list(drivers.values()) if driver.references is not None]


add_owners(_owned)
