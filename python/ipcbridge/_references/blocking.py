"""References of the blocking API: callbacks run on the thread that waits for their call, or on threads of their own."""

from __future__ import annotations

import sys
import weakref
from _collections_abc import Callable

from .. import _native
from .._by_reference import RemoteObject
from .._client.client import Proxy
from .._client.descriptions import Descriptions
from .._client.outcome import error_of
from .._options import CallOptions
from .._process import process as _process
from .._process.listeners import Listeners
from .._serve.failures import Failures
from .._serve.server import Server
from .._serve.service import Service
from .._typing import Any
from .owned import Owned, add_owners
from .peers import Peers
from .remote import Received

_THREADS = 4


class _References(Server):
    """What runs callbacks that no thread waits for. Its threads are started when there may be such."""

    def __init__(self, process: _process.Process) -> None:
        super().__init__(process, _NoService(), 0, None)
        self.owned = Owned(process.driver, self._tasks.start, self.start_threads)
        self._handlers.append((self, "callback", None, self.owned.begin))
        process.listen()
        self._id = process.driver.serve_attached([], [], True)
        self._process.servers[self._id] = self
        process.on_released = self.owned.released
        self._started = True

    @property
    def handlers(self) -> list[Any]:
        return self._handlers

    def start_threads(self) -> None:
        if not self._closed.is_set():
            self._workers.start(self._id, _THREADS)


class Attached(Server):
    """What a client offers to the service that it has connected to."""

    def start_attached(self) -> int:
        self._process.listen()
        self._id = self._driver.serve_attached(self._service.names, self._service.serial_groups(), False)
        self._process.servers[self._id] = self
        self._tasks.serve(self._driver, self._id, self._handlers)
        self._started = True
        self._start_threads()
        return self._id


def attach(process: _process.Process, target: Any, name: str) -> Attached:
    return Attached(process, Service(name or "what connect() serves", target, False, None), _THREADS, None)


class _NoService(Service):
    """Every function is its own."""

    def __init__(self) -> None:
        self.name = "callbacks"
        self.failures = Failures(self.name, None)
        self.names = []
        self.is_async = [True]  # so that what tasks need is imported
        self.functions = []
        self.handlers = []
        self._path = ""


class Calls:
    """How this process calls what the other side has."""

    def __init__(self, process: _process.Process) -> None:
        self._process = process
        self.driver = process.driver
        self.peers = Peers(self, Proxy)

    def client_of(self, connection: int) -> int:
        return self.driver.peer_client(connection)

    def observer(self, client: int) -> Any:
        self.driver.check_process()
        return self._process.clients.get(client)

    def observe(self, client: int, observer: Any) -> int:
        self._process.clients[client] = observer
        self._process.listen()
        self._process.teller.start()
        return self.driver.last_event()

    def release(self, connection: int, number: int, times: int) -> None:
        self.driver.release_reference(connection, number, times)

    def tell(self, listeners: Listeners, state: str, code: str, message: str, number: int) -> None:
        self._process.teller.tell(listeners, state, code, message, number)

    def callbacks(self, describe: Any, drop: Any) -> tuple[Any, Any, Any, Any]:
        return describe, _no_guard, drop, error_of

    def wrapped(self, make: Callable[[CallOptions], _native.Caller], options: CallOptions) -> Callable[..., Any]:
        return _OnAnyThread(self.driver, make, options)

    def described(self, descriptions: Descriptions, caller: Any, generation: int) -> Any:
        return descriptions.keep(caller(), generation)


class _OnAnyThread:
    """Blocks, or gives what is to be awaited where it is called on the loop of `async def` handlers."""

    __slots__ = ("__weakref__", "_caller", "_driver", "_make", "_options", "_submit")

    def __init__(
        self, driver: _native.BlockingDriver, make: Callable[[CallOptions], _native.Caller], options: CallOptions
    ) -> None:
        self._caller = make(options)
        self._driver = driver
        self._make = make
        self._options = options
        self._submit: _native.Caller | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        background = sys.modules.get("ipcbridge._serve.background")
        loop = None if background is None else background.running_here()
        if loop is None:
            return self._caller(*args, **kwargs)
        # No thread is held meanwhile: thousands of handlers may wait, some for what others' callbacks bring about.
        from .._client.submitted import Future, start_collecting
        from .awaited import future_of, run_on

        if self._submit is None:
            start_collecting()
            run_on(loop, self._driver)
            self._submit = self._make(self._options.as_submitted_on_loop())
        answer = self._submit(*args, **kwargs)
        return future_of(answer if isinstance(answer, Future) else Future.of(answer), loop)

    def __repr__(self) -> str:
        return repr(self._caller)

    def __reduce__(self) -> Any:
        return self._caller.__reduce__()


def _no_guard() -> None:
    pass


class _Object(Proxy, RemoteObject):
    """An object of the other side's."""


def hooks(driver: _native.BlockingDriver) -> tuple[Any, ...]:
    """What bindings/python/references.cpp asks for."""
    process = _process.current()
    assert process.driver is driver
    references = _References(process)
    received = Received(process.calls, _Object)
    _made[id(driver)] = weakref.ref(references)
    owned = references.owned
    return owned.share, owned.end, received.receive, references.handlers, references.start_threads


_made: dict[int, weakref.ref[_References]] = {}


def _owned() -> list[Owned]:
    return [each.owned for each in (found() for found in list(_made.values())) if each is not None]


add_owners(_owned)
_process.call_after_fork(_made.clear)
