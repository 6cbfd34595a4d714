"""What connects with the first call, on whatever loop that is made: connect(lazy=True)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .. import _native
from .._errors import IpcError
from .._options import CallOptions
from .._process.listeners import Listeners, StateListener
from .._tracebacks import leave_one_frame
from ._call import Call
from ._client import NOT_DESCRIBED, Client

OpenClient = Callable[[asyncio.AbstractEventLoop, Listeners], Client]


class LazyClient:
    """A client for each event loop, opened with the first call there. Any thread."""

    lazy = True

    def __init__(self, addresses: list[str], open_client: OpenClient) -> None:
        self.address = ", ".join(addresses)
        self.generation = _native.Generation()
        self._addresses = addresses
        self._open_client = open_client
        self._listeners = Listeners()
        self._listeners.add(_advancing(self.generation))
        # No weak keys: a client keeps its loop. What is left of closed loops goes when the next one is opened.
        self._clients: dict[asyncio.AbstractEventLoop, Client] = {}

    def here(self) -> Client:
        """That of the running loop. IpcError('failed_precondition') where none runs."""
        client = self._opened()
        if client is not None:
            return client
        loop = asyncio._get_running_loop()
        if loop is None:
            raise IpcError(
                "failed_precondition",
                "a lazy client of ipcbridge.aio connects on the event loop that runs, and on this thread none does:"
                " call it in a coroutine, or use the blocking ipcbridge",
            )
        for closed in [each for each in list(self._clients) if each.is_closed()]:
            self._clients.pop(closed, None)
        client = self._clients[loop] = self._open_client(loop, self._listeners)
        return client

    def _opened(self) -> Client | None:
        """That of the running loop, if there is one already."""
        loop = asyncio._get_running_loop()
        client = None if loop is None else self._clients.get(loop)
        return client if client is not None and client.is_usable() else None

    def methods(self) -> list[str]:
        client = self._opened()
        return [] if client is None else client.methods()

    def caller(self, name: str, options: CallOptions) -> LazyMethod:
        return LazyMethod(self, name, options)

    def call(self, name: str, options: CallOptions, args: Iterable[Any], kwargs: Mapping[str, Any]) -> Call:
        return self.here().call(name, options, args, kwargs)

    def status(self) -> dict[str, Any]:
        client = self._opened()
        return _disconnected(self._addresses) if client is None else client.status()

    async def describe(self, options: CallOptions) -> dict[str, Any]:
        return await self.here().describe(options)

    def help(self, name: str) -> tuple[str, Any]:
        client = self._opened()
        return NOT_DESCRIBED if client is None else client.help(name)

    def listen(self, listener: StateListener) -> Callable[[], None]:
        return self._listeners.add(listener)

    def close(self) -> None:
        """Of the running loop."""
        self.here().close()


class LazyMethod:
    """A remote method, called on the loop that runs. The docstring of an instance is that of the method."""

    def __init__(self, client: LazyClient, name: str, options: CallOptions) -> None:
        self._client = client
        self._method = name
        self._options = options
        self._last: tuple[Client | None, Any] = (None, None)  # what was called last; mostly there is one loop

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        try:
            client = self._client.here()
        except BaseException as error:
            leave_one_frame(error)
            raise
        last, caller = self._last
        if last is not client:
            caller = client.caller(self._method, self._options)
            self._last = client, caller
        return caller(*args, **kwargs)

    def __get__(self, _instance: object, _owner: object = None) -> LazyMethod:
        return self

    @property
    def __signature__(self) -> Any:
        signature = self._client.help(self._method)[1]
        if signature is None:
            raise AttributeError("__signature__")
        return signature

    @property
    def __name__(self) -> str:
        return self._method.rpartition(".")[2]

    def __repr__(self) -> str:
        return f"<remote method {self._method}>"


LazyMethod.__doc__ = property(lambda self: self._client.help(self._method)[0])  # type: ignore[assignment]


def _advancing(generation: _native.Generation) -> StateListener:
    """Has proxies look for their methods again when a service has been heard of."""

    def listen(state: str, _reason: object) -> None:
        if state == "ready":
            generation.advance()

    return listen


def _disconnected(addresses: list[str]) -> dict[str, Any]:
    """The status of a client that has not connected yet."""
    links = [_link(address) for address in addresses]
    counts = {"pending_calls": 0, "queued_calls": 0, "queued_bytes": 0, "dropped_notifications": 0}
    return {**_link(", ".join(addresses)), **counts, "links": links}


def _link(address: str) -> dict[str, Any]:
    unknown = dict.fromkeys(("transport", "fallback_reason", "peer_pid", "peer_uid"))
    streams = {"open_streams": 0, "stalled_streams": None, "awaited_streams": 0}
    counts = {"unread_bytes": 0, "busy": None, "running_calls": 0, **streams}
    return {"state": "disconnected", "address": address, **unknown, **counts}
