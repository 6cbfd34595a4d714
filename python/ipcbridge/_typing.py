"""What annotations need of `typing`, which takes longer to import than all the rest of the library.

At run time, for whoever evaluates the annotations, the names stand for wider types.
"""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, NoReturn, Protocol, TypeVar, cast, overload
else:
    Any = NoReturn = Protocol = object

    def TypeVar(_name, *, bound):  # noqa: N802 - as in typing
        return bound

    def cast(_kind, value):
        return value

    def overload(function):
        return function


__all__ = ["TYPE_CHECKING", "Any", "NoReturn", "Protocol", "TypeVar", "cast", "overload"]
