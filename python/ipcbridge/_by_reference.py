"""What travels by reference: the other side gets something to call, and the value stays here."""

from __future__ import annotations


class ByReference:
    """Marks, for the encoder, what is sent by reference whatever it is."""

    __slots__ = ()


class RemoteObject(ByReference):
    """An object of the other side's. Passed on, or back, it leads to its owner through this process."""

    __slots__ = ()
