"""Clients that a forked child opens anew: connect(reconnect_after_fork=True)."""

from __future__ import annotations

import os
import weakref
from _collections_abc import Callable, Iterable, Mapping

from .. import _native
from .._options import CallOptions
from .._process.listeners import StateListener
from .._process.threads import Latch
from .._typing import Any
from .client import Client, Renewing


class InheritedClient:
    """One client for each process, opened when that first uses it. Any thread."""

    def __init__(self, open_client: Callable[[Callable[[], Renewing | None]], Client]) -> None:
        self._open_client = open_client
        self._opening: dict[int, Latch] = {}
        self._clients: dict[int, Client] = {}  # by the process
        first = self._here()
        self.address, self.lazy = first.address, first.lazy

    def _here(self) -> Client:
        process = os.getpid()
        while (client := self._clients.get(process)) is None:
            mine = Latch()
            first = self._opening.setdefault(process, mine)
            if first is not mine:  # another thread is about to
                first.wait()
                continue
            try:
                if process not in self._clients:  # another thread may have opened it since we looked
                    self._clients[process] = self._open_client(weakref.ref(self))
            finally:
                del self._opening[process]
                mine.set()
        return client

    def renewed_caller(self, name: str, options: CallOptions) -> _native.Caller:
        return self._here().plain_caller(name, options)

    @property
    def generation(self) -> _native.Generation:
        return self._here().generation

    def methods(self) -> list[str]:
        return self._here().methods()

    def caller(self, name: str, options: CallOptions) -> Callable[..., Any]:
        return self._here().caller(name, options)

    def call(self, name: str, options: CallOptions, args: Iterable[Any], kwargs: Mapping[str, Any]) -> Any:
        return self._here().call(name, options, args, kwargs)

    def status(self) -> dict[str, Any]:
        return self._here().status()

    def describe(self, options: CallOptions) -> dict[str, Any]:
        return self._here().describe(options)

    def help(self, name: str) -> tuple[str, Any]:
        return self._here().help(name)

    def listen(self, listener: StateListener) -> Callable[[], None]:
        return self._here().listen(listener)

    def close(self) -> None:
        """Of this process. A child that has not used it yet is left with its parent's, which it cannot use."""
        parents = next(iter(self._clients.values()))
        self._clients.setdefault(os.getpid(), parents).close()
