"""Objects that are one for each thing they stand for, for as long as somebody keeps them."""

from __future__ import annotations

import weakref
from _collections_abc import Hashable
from _thread import RLock

from .._typing import Any

_FEW = 64


class Known:
    """Such objects by what they stand for. Any thread: where several make one at once, all get the one kept first."""

    def __init__(self) -> None:
        self._objects: dict[Hashable, weakref.ref[Any]] = {}
        # Reentrant: a finaliser or a signal's handler may come here on the thread that holds it. Finalisers of the
        # objects take none, which a forked child could wait for; what they leave behind goes with the next ones.
        self._lock = RLock()
        self._most = _FEW

    def get(self, key: Hashable) -> Any:
        """None if there is none."""
        found = self._objects.get(key)
        return None if found is None else found()

    def keep(self, key: Hashable, made: Any) -> Any:
        """That object, or the one of another thread that has made it meanwhile."""
        with self._lock:
            others = self.get(key)
            if others is not None:
                return others
            self._objects[key] = weakref.ref(made)
            if len(self._objects) > self._most:
                self._forget_the_gone()
        return made

    def forget(self, key: Hashable) -> None:
        self._objects.pop(key, None)

    def _forget_the_gone(self) -> None:
        for key, kept in list(self._objects.items()):
            if kept() is None and self._objects.get(key) is kept:
                del self._objects[key]
        self._most = max(_FEW, 2 * len(self._objects))
