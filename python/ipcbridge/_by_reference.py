"""What travels by reference: the other side gets something to call, and the value stays here."""

from __future__ import annotations

from ._typing import Any, NoReturn


class ByReference:
    """Marks, for the encoder, what is sent by reference whatever it is."""

    __slots__ = ()


class RemoteCallable(ByReference):
    """A function of the other side's. It has the parts of a proxy."""

    __slots__ = ()
    _remote: Any
    _options: Any
    _prefix: str

    def __reduce__(self) -> NoReturn:
        raise TypeError("a function of the other side cannot be pickled or copied: pass it with a call, by reference")


class RemoteObject(ByReference):
    """An object of the other side's. Passed on, or back, it leads to its owner through this process."""

    __slots__ = ()
