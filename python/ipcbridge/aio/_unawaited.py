"""Errors of what is used before it has been awaited."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

_T = TypeVar("_T")

# What a value would be used with. Truth and equality are missing: code that handles any future asks for them.
_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")
_USES = (
    *(f"__{side}{name}__" for name in _BINARY for side in ("", "r")),
    *("__lt__", "__le__", "__gt__", "__ge__", "__neg__", "__int__", "__float__"),
    *("__iter__", "__len__", "__getitem__", "__contains__"),
)


def refuses_use(what: str) -> Callable[[type[_T]], type[_T]]:
    """Has the instances of a class, which are to be awaited, say so where they are used as the value itself."""

    def decorate(cls: type[_T]) -> type[_T]:
        def refuse(*_: object) -> NoReturn:
            raise TypeError(what)

        def refuse_attribute(self: object, name: str) -> NoReturn:
            hint = "" if name.startswith("_") else f": {what}"
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}")

        for name in _USES:
            setattr(cls, name, refuse)
        cls.__bool__ = lambda _: True  # type: ignore[attr-defined]  # whatever __len__ says
        cls.__getattr__ = refuse_attribute  # type: ignore[attr-defined]
        return cls

    return decorate
