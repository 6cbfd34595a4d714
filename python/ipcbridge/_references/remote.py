"""Functions and objects of the other side, as this one calls them."""

from __future__ import annotations

import weakref
from _collections_abc import Callable, Iterable, Mapping

from .. import _native
from .._by_reference import RemoteCallable
from .._client.descriptions import Descriptions
from .._client.notifications import Dropped
from .._errors import IpcError
from .._options import CallOptions
from .._process.listeners import Listeners
from .._suppress import suppress
from .._typing import TYPE_CHECKING, Any, Protocol
from .known import Known
from .owned import GET_ATTRIBUTE, RETAINED, SET_ATTRIBUTE

if TYPE_CHECKING:
    from typing_extensions import Self

    from .peers import Peers

_ATTRIBUTES = {GET_ATTRIBUTE: "get_attribute", SET_ATTRIBUTE: "set_attribute"}


class Calls(Protocol):
    """How a driver calls what the other side has."""

    peers: Peers

    @property
    def driver(self) -> Any: ...
    def client_of(self, connection: int) -> int: ...
    def observer(self, client: int) -> Any:
        """What is told of the states of that client, if there is something."""
        ...

    def observe(self, client: int, observer: Any) -> int:
        """From now on that is told: of what comes after the change with the number that is returned."""
        ...

    def release(self, connection: int, number: int, times: int) -> None:
        """Gives back a retained reference that has been received so often. Any thread, and in finalisers."""
        ...

    def tell(self, listeners: Listeners, state: str, code: str, message: str, number: int) -> None: ...
    def callbacks(self, describe: Any, drop: Any) -> tuple[Any, Any, Any, Any]: ...
    def wrapped(self, make: Callable[[CallOptions], _native.Caller], options: CallOptions) -> Callable[..., Any]: ...
    def described(self, descriptions: Descriptions, caller: Any, generation: int) -> Any: ...


class Reference:
    """One reference of the peer's, with the connection that it came over. What a proxy of it calls through."""

    lazy = False
    address = "a reference"

    def __init__(self, calls: Calls, received: Received, connection: int, number: int, names: list[str]) -> None:
        self.connection = connection
        self.number = number
        self.names = names
        self.received: list[None] = []  # as often as it was: a list, because it changes in one step
        if number & RETAINED:
            # Views and methods keep this, so that it is when the last of them is dropped. At the end of the
            # interpreter the connection ends, too.
            weakref.finalize(self, _give_back, calls, connection, number, self.received).atexit = False
        self._calls = calls
        self._known = received
        self._client: int = calls.client_of(connection)
        self.generation: _native.Generation = calls.driver.generation(self._client)
        self._dropped = Dropped(self.address)

    def methods(self) -> list[str]:
        return self.names

    def caller(self, name: str, options: CallOptions) -> Any:
        return self._caller(name, self.names.index(name), options)

    def attribute_caller(self, number: int, options: CallOptions) -> Any:
        """Of GET_ATTRIBUTE or SET_ATTRIBUTE: the object may have methods of these names."""
        return self._caller(_ATTRIBUTES[number], number, options)

    def _caller(self, name: str, number: int, options: CallOptions) -> Any:
        callbacks = self._calls.callbacks(self.help, self._dropped.add)

        def make(of: CallOptions) -> _native.Caller:
            place = (self.connection, self.number)
            return _native.Caller(self._calls.driver, self._client, number, name, of.native(), callbacks, *place)

        return self._calls.wrapped(make, options)

    def call(self, name: str, options: CallOptions, args: Iterable[Any], kwargs: Mapping[str, Any]) -> Any:
        if name not in self.names:
            hint = _native.did_you_mean(name, self.names)
            raise IpcError("unimplemented", f"the remote object has no method {name!r}{hint}")
        return self.caller(name, options)(*args, **kwargs)

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self._calls.driver.client_status(self._client, [self.address])
        return status

    def describe(self, _options: CallOptions) -> Any:
        raise IpcError("unimplemented", "an object that came by reference does not describe itself")

    def help(self, _name: str) -> tuple[str, Any]:
        return "(what came by reference has no documentation here)", None

    def listen(self, _listener: object) -> Any:
        raise IpcError("invalid_argument", "on_state() takes what connect() returned, or a server")

    def close(self) -> None:
        """Gives it back to its owner."""
        self._known.forget(self)
        if self.number & RETAINED:
            _give_back(self._calls, self.connection, self.number, self.received)


def _give_back(calls: Calls, connection: int, number: int, received: list[None]) -> None:
    """As often as it was received, and not in one go: another thread may receive it just now."""
    times = 0
    with suppress(IndexError):
        while True:
            received.pop()
            times += 1
    if times:
        with suppress(IpcError):  # the connection has ended, or this is a forked child
            calls.release(connection, number, times)


class RemoteFunction(RemoteCallable):
    """A function of the other side: calling it calls that, which runs there."""

    __slots__ = ("__weakref__", "_caller", "_options", "_prefix", "_remote")

    def __init__(self, reference: Reference, options: CallOptions, prefix: str = "") -> None:
        self._remote = reference
        self._options = options
        self._prefix = prefix
        self._caller = reference.caller("callback", options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._caller(*args, **kwargs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._remote.close()

    def __repr__(self) -> str:
        kind = "retained" if self._remote.number & RETAINED else "callback"
        return f"<remote function ({kind} {self._remote.number & ~RETAINED})>"


class Received:
    """Those of one driver. The same reference is the same object for as long as that is kept.

    `calls` makes what calls, `make(reference)` the object of an object, and `function` is the type of functions.
    """

    def __init__(
        self, calls: Calls, make: Callable[[Reference], Any], function: type[RemoteFunction] = RemoteFunction
    ) -> None:
        self._calls = calls
        self._make = make
        self._function = function
        self._known = Known()

    def receive(self, connection: int, number: int, names: list[str] | None) -> Any:
        """The object for what a message tells of."""
        key = (connection, number)
        made = self._known.get(key)
        if made is None:
            reference = Reference(self._calls, self, connection, number, ["callback"] if names is None else names)
            made = self._function(reference, CallOptions()) if names is None else self._make(reference)
            made = self._known.keep(key, made)
        reference_of(made).received.append(None)
        return made

    def forget(self, reference: Reference) -> None:
        """What is received from now on is another object."""
        key = (reference.connection, reference.number)
        if getattr(self._known.get(key), "_remote", None) is reference:
            self._known.forget(key)


def reference_of(value: Any) -> Reference:
    """What stands behind a function or object that has arrived."""
    reference = getattr(value, "_remote", None)
    if not isinstance(reference, Reference):
        raise IpcError("invalid_argument", f"expected a function, or object, of the other side, not {value!r}")
    return reference
