"""Methods that somebody, mostly a test, has put in the place of a service's own."""

from __future__ import annotations

import weakref

from .._typing import Any


class Replaced:
    """Of one client: what all its proxies have in the place of methods, by their whole names."""

    def __init__(self) -> None:
        self._methods: dict[str, list[Any]] = {}  # one within another, as patches are
        # What each proxy had itself, which is the same object again afterwards. Proxies differ in options.
        self._own: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()

    def own(self, proxy: Any) -> dict[str, Any]:
        return self._own.setdefault(proxy, {})

    def is_replaced(self, full: str) -> bool:
        return bool(self._methods.get(full))

    def get(self, full: str, own: Any) -> Any:
        """What stands in the place of a method; `own` where nothing does."""
        return self._methods[full][-1] if self.is_replaced(full) else own

    def put(self, full: str, value: Any) -> None:
        """One that has been there before ends those within it."""
        values = self._methods.setdefault(full, [])
        for index, each in enumerate(values):
            if each is value:
                del values[index:]
                break
        values.append(value)

    def end_last(self, full: str) -> None:
        self._methods[full].pop()

    def end_all(self, full: str) -> None:
        self._methods.pop(full, None)


_of_clients: weakref.WeakKeyDictionary[Any, Replaced] = weakref.WeakKeyDictionary()


def replaced_of(remote: Any) -> Replaced | None:
    """None where nothing has ever been replaced."""
    return _of_clients.get(remote)


def begin_to_replace(remote: Any) -> Replaced:
    return _of_clients.setdefault(remote, Replaced())
