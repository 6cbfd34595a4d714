"""Objects that are one for each thing they stand for, for as long as somebody keeps them."""

from __future__ import annotations

import weakref
from _collections_abc import Hashable

from .._typing import Any


class Known:
    """Such objects by what they stand for. Any thread: where several make one at once, all get the one kept first.

    Without a lock, which a finaliser or a signal handler could wait for on the thread that holds it.
    """

    def __init__(self) -> None:
        self._objects: dict[Hashable, weakref.ref[Any]] = {}

    def get(self, key: Hashable) -> Any:
        """None if there is none."""
        found = self._objects.get(key)
        return None if found is None else found()

    def keep(self, key: Hashable, made: Any) -> Any:
        """That object, or the one of another thread that has made it meanwhile."""
        mine = weakref.ref(made, lambda gone: self._drop(key, gone))
        while (known := self._objects.setdefault(key, mine)) is not mine:
            others = known()
            if others is not None:
                return others
            self._drop(key, known)
        return made

    def forget(self, key: Hashable) -> None:
        self._objects.pop(key, None)

    def _drop(self, key: Hashable, gone: weakref.ref[Any]) -> None:
        if self._objects.get(key) is gone:
            del self._objects[key]
