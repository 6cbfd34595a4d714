"""The other sides of a server's connections, as services to call."""

from __future__ import annotations

from _collections_abc import Callable, Iterable, Mapping

from .. import _native
from .._client.descriptions import Descriptions
from .._client.notifications import Dropped
from .._client.proxy import BaseProxy
from .._errors import IpcError
from .._options import CallOptions
from .._process.listeners import Listeners, StateListener
from .._process.threads import Latch, start_thread
from .._typing import TYPE_CHECKING, Any
from .known import Known

if TYPE_CHECKING:
    from .remote import Calls

# find(peer) is what is called of each.
_CallAll = Callable[[Callable[[Any], Any], Any, Any], Any]


class PeerRemote:
    """The other side of one connection: what a proxy of it calls through. It ends with the connection."""

    lazy = False

    def __init__(self, calls: Calls, connection: int, name: str | None, pid: int | None) -> None:
        self.address = " ".join([f"peer {name}" if name else "peer", *([] if pid is None else [f"(process {pid})"])])
        self._calls = calls
        self._listeners = Listeners()
        self._client = calls.client_of(connection)
        self.generation: _native.Generation = calls.driver.generation(self._client)
        self._descriptions = Descriptions(self.generation)
        self._dropped = Dropped(self.address)

    def methods(self) -> list[str]:
        methods: list[str] = self._calls.driver.methods(self._client)
        return [name for name in methods if name != _native.DESCRIBE]

    def caller(self, name: str, options: CallOptions) -> Any:
        return self._caller(name, self._calls.driver.intern_method(self._client, name), options)

    def call(self, name: str, options: CallOptions, args: Iterable[Any], kwargs: Mapping[str, Any]) -> Any:
        return self._caller(name, self._calls.driver.find_method(self._client, name), options)(*args, **kwargs)

    def _caller(self, name: str, number: int, options: CallOptions) -> Any:
        callbacks = self._calls.callbacks(self.help, self._dropped.add)

        def make(of: CallOptions) -> _native.Caller:
            return _native.Caller(self._calls.driver, self._client, number, name, of.native(), callbacks)

        return self._calls.wrapped(make, options)

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self._calls.driver.client_status(self._client, [self.address])
        return status

    def describe(self, options: CallOptions) -> Any:
        return self._calls.described(self._descriptions, self.caller(_native.DESCRIBE, options), self.generation.value)

    def help(self, name: str) -> tuple[str, Any]:
        return self._descriptions.help_of(name) or ("(describe() fetches the documentation)", None)

    def listen(self, listener: StateListener) -> Callable[[], None]:
        known = self._calls.observer(self._client)
        if known is not None and known is not self:  # what this side has connected
            end: Callable[[], None] = known.listen(listener)
            return end
        since = self._calls.observe(self._client, self)
        end = self._listeners.add(listener, since)
        # Whoever listens need not keep the peer.
        listened = self._calls.peers.listened
        listened[self._client] = self
        if self.status()["state"] == "closed":  # which was told before
            listened.pop(self._client, None)
        return end

    def on_state(self, state: str, code: str, message: str, number: int = 1) -> None:
        self._calls.tell(self._listeners, state, code, message, number)
        if state == "closed":
            self._calls.peers.listened.pop(self._client, None)

    def on_room(self) -> None:
        """Its calls do not wait for room."""

    def close(self) -> None:
        """Disconnects it."""
        self._calls.driver.close_client(self._client)


class Peers:
    """Those of one driver: the same object for as long as the connection lives and somebody keeps it."""

    def __init__(self, calls: Calls, make: Callable[[PeerRemote], BaseProxy]) -> None:
        self._calls = calls
        self._make = make
        self._known = Known()
        self.listened: dict[int, PeerRemote] = {}  # by their clients

    def of_server(self, server: int) -> list[BaseProxy]:
        """In the order in which they have connected."""
        return [self._peer(*peer) for peer in self._calls.driver.peers(server)]

    def of_connection(self, connection: int) -> BaseProxy:
        peer = self._calls.driver.peer(connection)
        if peer is None:
            raise IpcError("unavailable", "the connection has ended")
        return self._peer(*peer)

    def _peer(self, connection: int, pid: int | None, _uid: object, name: str | None, _language: object) -> BaseProxy:
        found: BaseProxy | None = self._known.get(connection)
        if found is None:
            made = self._make(PeerRemote(self._calls, connection, name, pid))
            found = self._known.keep(connection, made)
        return found


class Outcome:
    """What became of one call of many: `value`, or the `error` that was raised."""

    __slots__ = ("error", "peer", "value")

    def __init__(self, peer: Any, value: Any = None, error: BaseException | None = None) -> None:
        self.peer = peer
        self.value = value
        self.error = error

    def __repr__(self) -> str:
        return f"<{self.peer!r}: {self.value if self.error is None else repr(self.error)}>"


class FanOut:
    """Many services as one: a method calls all of them at once, and gives an Outcome of each in their order."""

    def __init__(self, peers: Iterable[Any]) -> None:
        self._peers = list(peers)

    def __getattr__(self, name: str) -> Any:
        return _of_all(self._call, name)

    def _call(self, find: Callable[[Any], Any], args: Any, kwargs: Any) -> Any:
        from contextvars import copy_context  # takes long to import

        def call(outcome: Outcome, has_ended: Latch) -> None:
            try:
                outcome.value = find(outcome.peer)(*args, **kwargs)
            except BaseException as error:  # also what is registered by register_error()
                outcome.error = error
            finally:
                has_ended.set()

        # A thread each, so that none waits for another one: submit() would not take functions that end with their call.
        # Ctrl-C leaves them behind.
        def start(outcome: Outcome, has_ended: Latch) -> None:
            run = copy_context().run  # so that it inherits what a call made here would
            start_thread(lambda: run(call, outcome, has_ended), "ipcbridge-fan-out")

        calls = [(Outcome(peer), Latch()) for peer in self._peers]
        for outcome, has_ended in calls:
            start(outcome, has_ended)
        for _, has_ended in calls:
            has_ended.wait()
        return [outcome for outcome, _ in calls]


class _Member:
    """What all of them have by one name: a method, or a namespace that leads on."""

    __slots__ = ("_call", "_find")

    def __init__(self, call: _CallAll, find: Callable[[Any], Any]) -> None:
        self._call = call
        self._find = find

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(self._find, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        return _of_all(self._call, name, self._find)


def _of_all(call: _CallAll, name: str, within: Callable[[Any], Any] = lambda peer: peer) -> _Member:
    if name.startswith("__"):
        raise AttributeError(name)
    return _Member(call, lambda peer: getattr(within(peer), name))
