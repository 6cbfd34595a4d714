"""The functions and objects of this side that others may call."""

from __future__ import annotations

import itertools
from _collections_abc import Callable, Hashable

from .. import _native
from .._by_reference import ByReference, RemoteObject
from .._errors import IpcError
from .._serve.exposure import exposed_by_reference
from .._serve.failures import CANCELLED, Failure, Failures
from .._serve.floats import with_floats
from .._serve.service import Service, fail
from .._shown import shown
from .._typing import TYPE_CHECKING, Any, NoReturn
from .._values import encode_result
from .attributes import attribute_of, set_attribute_of

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._serve.service import Finish, StartTask

FUNCTION, OBJECT = 7, 8
"""The extension types of docs/values.md."""
GET_ATTRIBUTE, SET_ATTRIBUTE = 0xFFFFFFFF, 0xFFFFFFFE
"""The numbers of methods that every object has."""
RETAINED = _native.RETAINED

_NAME = "a callback"
_GONE = "the function, or object, is gone: it has been released, or the call that passed it has ended"
_NOT_RETAINED = "a function that ends with the call it is passed to, which nobody waits for: send ipc.retain(function)"


class Retained(ByReference):
    """A function that outlives the call it is passed to: what retain() gives."""

    __slots__ = ("__weakref__", "function")

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        release_everywhere(self.function)

    def __repr__(self) -> str:
        return f"<retained {self.function!r}>"


class Proxied(ByReference):
    """An object that travels by reference: what proxy() gives."""

    __slots__ = ("__weakref__", "target")

    def __init__(self, target: object) -> None:
        self.target = target

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        release_everywhere(self.target)

    def __repr__(self) -> str:
        return f"<by reference {self.target!r}>"


class _Entry(Service):
    """One of them, and how its calls are answered."""

    def __init__(
        self, target: Any, functions: dict[str, Callable[..., Any]], failures: Failures, key: Hashable
    ) -> None:
        self.name = _NAME
        self.failures = failures
        self.target = target
        self.key = key
        self.functions = list(functions.values())
        self.names = list(functions)
        self.handlers = [with_floats(function) for function in self.functions]
        self.pins: list[None] = []  # of messages that are being made: a list, because it changes in one step

    def begin(self, call: _native.InboundCall, start_task: StartTask) -> None:
        number = call.number
        if number in (GET_ATTRIBUTE, SET_ATTRIBUTE):
            act = self._get if number == GET_ATTRIBUTE else self._set
            call.answer_with(act, self._finisher(0, start_task))
        elif number < len(self.handlers):
            call.answer_with(self.handlers[number], self._finisher(number, start_task))
        else:
            fail(call, _failure("unimplemented", "the object has no method of that number"))

    def name_of(self, call: _native.InboundCall) -> str:
        number = call.number
        if number >= len(self.names):
            return "set_attribute" if number == SET_ATTRIBUTE else "get_attribute"
        if isinstance(self.key, _ObjectKey):
            return self.names[number]
        name = getattr(self.target, "__name__", None)
        return name if isinstance(name, str) and name.isidentifier() else self.names[number]

    def _finisher(self, number: int, start_task: StartTask) -> Finish:
        finish = self.finisher(number, start_task)

        def finish_or_raise(call: _native.InboundCall, stage: int, error: BaseException, result: object) -> None:
            # Ctrl-C on the user's own thread: it ends the call that the thread waits for.
            if type(error) is KeyboardInterrupt:
                fail(call, CANCELLED)
                raise error
            finish(call, stage, error, result)

        return finish_or_raise

    def _get(self, name: str) -> Any:
        return attribute_of(self._object(), name)

    def _set(self, name: str, value: Any) -> Any:
        set_attribute_of(self._object(), name, value)

    def _object(self) -> Any:
        if not isinstance(self.key, _ObjectKey):
            raise IpcError("permission_denied", "the attributes of a function are not for others")
        return self.target


class _PassedOn(_Entry):
    """An object of a third process: its owner says what may be asked of it."""

    def _get(self, name: str) -> Any:
        return self.target._remote.attribute_caller(GET_ATTRIBUTE, self.target._options)(name)

    def _set(self, name: str, value: Any) -> Any:
        return self.target._remote.attribute_caller(SET_ATTRIBUTE, self.target._options)(name, value)


class _Passed:
    """A function that lives as long as the call it is passed to, and its entry once somebody has called it."""

    __slots__ = ("entry", "function")

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.entry: _Entry | None = None


class _ObjectKey:
    """An object as a key, whether or not it can be hashed, and whatever it is equal to."""

    __slots__ = ("target",)

    def __init__(self, target: object) -> None:
        self.target = target

    def __hash__(self) -> int:
        return id(self.target)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ObjectKey) and self.target is other.target


class Owned:
    """Those of one driver, by the ids that its peers know them by. Any thread; `start_task` begins what is async."""

    def __init__(self, driver: Any, start_task: StartTask, retains: Callable[[], object]) -> None:
        self._driver = driver
        self._start_task = start_task
        self._retains = retains
        self._failures = Failures(_NAME, None)
        self._entries: dict[int, Any] = {}  # an _Entry, or a _Passed
        self._ids: dict[Hashable, int] = {}  # of those that are retained
        self._next_id = itertools.count(1)

    def share(self, value: Any, retained_only: bool, functions: dict[Hashable, int]) -> tuple[int, int, bytes]:
        """(id, extension type, contents) of what a message is to tell of, until end() has been told the id.

        `functions` are the ids of those that the message has told of, and which end with their call.
        """
        if isinstance(value, (Proxied, RemoteObject)):
            target = value.target if isinstance(value, Proxied) else value
            if isinstance(target, RemoteObject):
                number, entry = self._retain(_ObjectKey(target), target, _methods_of, _PassedOn)
            else:
                number, entry = self._retain(_ObjectKey(target), target, exposed_by_reference, _Entry)
            return number, OBJECT, number.to_bytes(8, "big") + encode_result(entry.names)
        if isinstance(value, Retained):
            number, _ = self._retain(_key_of(value.function), value.function, _as_function, _Entry)
        elif retained_only:
            from .._values._refusal import Refused  # takes long to import

            raise Refused(_NOT_RETAINED)
        else:
            number = functions.setdefault(_key_of(value), next(self._next_id))
            self._entries.setdefault(number, _Passed(value))
        return number, FUNCTION, number.to_bytes(8, "big")

    def _retain(
        self, key: Hashable, target: Any, functions: Callable[[Any], Any], entry_type: type[_Entry]
    ) -> tuple[int, _Entry]:
        self._retains()
        while True:  # without a lock, which a finaliser might want that runs while its thread has it
            number = self._ids.get(key)
            if number is None:
                retained = self._add(key, entry_type(target, functions(target), self._failures, key))
            else:
                retained = self._pin(key, number)
            if retained is not None:
                return retained

    def _add(self, key: Hashable, entry: _Entry) -> tuple[int, _Entry] | None:
        """None if another thread has added the same meanwhile."""
        entry.pins.append(None)
        number = next(self._next_id) | RETAINED
        self._entries[number] = entry  # first: whoever finds the number finds the entry
        if self._ids.setdefault(key, number) == number:
            return number, entry
        del self._entries[number]
        return None

    def _pin(self, key: Hashable, number: int) -> tuple[int, _Entry] | None:
        """None if it has ended meanwhile."""
        entry = self._entries.get(number)
        if entry is None:
            if self._ids.get(key) == number:
                self._ids.pop(key, None)
            return None
        entry.pins.append(None)
        self._entries[number] = entry  # another thread may just be ending it
        return number, entry

    def end(self, numbers: list[int]) -> None:
        """The call that passed these is over, or the answer that told of them has been sent."""
        for number in numbers:
            if number & RETAINED:
                entry = self._entries.get(number)
                if entry is not None:
                    entry.pins.pop()
                    self.released(number)
            else:
                self._entries.pop(number, None)

    def released(self, number: int) -> None:
        """It has come back from one that had it."""
        entry = self._entries.get(number)
        if entry is None or entry.pins or self._driver.shares_reference(number):
            return
        self._entries.pop(number, None)
        if entry.pins:  # another thread has just put it into a message
            self._entries[number] = entry
        elif self._ids.get(entry.key) == number:
            del self._ids[entry.key]

    def release(self, target: Any) -> None:
        """Ends a retained one of this side's, for everybody who has it."""
        for key in (_ObjectKey(target), _key_of(target)):
            number = self._ids.pop(key, None)
            if number is not None:
                self._entries.pop(number, None)
                self._driver.forget_reference(number)

    def count(self) -> int:
        return len(self._entries)

    def begin(self, call: _native.InboundCall) -> None:
        """Sees to it that a call of one of them is answered."""
        entry = self._entries.get(call.reference)
        if entry is None:
            fail(call, _failure("failed_precondition", _GONE))
            return
        if isinstance(entry, _Passed):
            entry = entry.entry or self._make_entry(entry)
        entry.begin(call, self._start_task)

    def _make_entry(self, passed: _Passed) -> _Entry:
        # Kept with the function, and not in its place: another thread may just be ending it.
        passed.entry = _Entry(passed.function, _as_function(passed.function), self._failures, None)
        return passed.entry


def _methods_of(target: Any) -> dict[str, Callable[..., Any]]:
    return {name: getattr(target, name) for name in target._remote.names}


def _as_function(target: Any) -> dict[str, Callable[..., Any]]:
    return {"callback": target}


def _key_of(function: Any) -> Hashable:
    try:
        hash(function)
    except TypeError:
        return _ObjectKey(function)
    return ("function", function)  # a bound method is another object each time, and equal


def _failure(code: str, message: str) -> Failure:
    return Failure((_native.CODES.index(code) + 1, message, b""))


_owners: list[Callable[[], list[Owned]]] = []
"""What gives those of all drivers of this process."""


def add_owners(owners: Callable[[], list[Owned]]) -> None:
    _owners.append(owners)


def release_everywhere(target: Any) -> None:
    for owners in _owners:
        for owned in owners():
            owned.release(target)


def retain(function: Callable[..., Any]) -> Retained:
    """The function as one that outlives the call it is passed to: the other side may keep it, and call it later.

    It may be passed any number of times, also in results, and is the same function to the other side each time. It
    lives until release(), until the other side has released or dropped it, or until the connection ends.
    A `with` block releases it at its end. Raises IpcError('invalid_argument') for what is no function.
    """
    if isinstance(function, Retained):
        return function
    if isinstance(function, type) or not callable(function):
        _refuse(f"retain() takes a function, not {shown(function)}; an object goes by reference with proxy()")
    return Retained(function)


def proxy(target: Any) -> Proxied:
    """The object by reference: the other side gets one whose methods run here.

    To be passed as an argument, or returned by a handler, anywhere in the value. What is served of it is as with
    serve(), without namespaces; its attributes are asked for by get_attribute() and set_attribute(). It lives until
    release(), until the other side has released or dropped it, or until the connection ends. Raises
    IpcError('invalid_argument') for what has no public methods.
    """
    if isinstance(target, Proxied):
        return target
    if not isinstance(target, RemoteObject):
        exposed_by_reference(target)
    return Proxied(target)


def _refuse(message: str) -> NoReturn:
    raise IpcError("invalid_argument", message)
