"""Error classes that both sides know: what arrives under the name of one becomes an instance of it."""

from __future__ import annotations

from _collections_abc import Callable

from ._errors import IpcError, RemoteError, class_name
from ._shown import shown
from ._typing import Any, TypeVar, overload

E = TypeVar("E", bound=type[Exception])

_classes: dict[str, type[Exception]] = {}
_names: dict[type[Exception], str] = {}


@overload
def register_error(cls: E, name: str | None = None) -> E: ...
@overload
def register_error(cls: None = None, name: str | None = None) -> Callable[[E], E]: ...
def register_error(cls: E | None = None, name: str | None = None) -> E | Callable[[E], E]:
    """Has an error class arrive as itself, by the name under which it travels, that of the class unless given.

    Also a decorator. To be called on both sides, in Node.js as registerError(). What arrives is made without a call of
    the class: `args` is the message, and what the error carried there are its attributes. Raises
    IpcError('already_exists') where the name is that of another class, 'invalid_argument' for what is no class of
    exceptions.
    """
    if cls is None:
        return lambda given: register_error(given, name)
    given: object = cls
    if not isinstance(given, type) or not issubclass(given, Exception) or issubclass(given, _UNFIT):
        raise IpcError("invalid_argument", f"register_error() takes a class of exceptions, not {shown(given)}")
    if issubclass(given, RemoteError):
        raise IpcError("invalid_argument", "register_error() takes no RemoteError: derive from IpcError, or Exception")
    travels_as: object = class_name(given) if name is None else name
    if not isinstance(travels_as, str) or not travels_as:
        raise IpcError("invalid_argument", f"the name of an error class is a string, not {shown(travels_as)}")
    if _classes.setdefault(travels_as, given) is not given:
        taken = _classes[travels_as]
        raise IpcError(
            "already_exists",
            f"{travels_as!r} is the name of {taken.__module__}.{taken.__qualname__}: give register_error() another one",
        )
    _names[given] = travels_as
    return cls


# A future cannot be ended by them.
_UNFIT = (StopIteration, StopAsyncIteration)


def registered_name(error: BaseException) -> str | None:
    """The name under which an error of this very class travels, if it was registered."""
    return _names.get(type(error))  # type: ignore[arg-type]


def make_registered(name: str, message: str) -> Exception | None:
    """An instance of the class of that name, if there is one, which its constructor does not hear of."""
    cls = _classes.get(name)
    if cls is None:
        return None
    builtin: Any = next(base for base in cls.__mro__ if base.__module__ == "builtins")
    try:
        error: Exception = builtin.__new__(cls, message)
        error.args = (message,)
    except Exception:  # a class that cannot be made so, of several built-in ones
        return None
    return error
