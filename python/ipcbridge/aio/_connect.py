"""aio.connect()."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, overload

from .. import _native
from .._client.client import Attached
from .._middleware import GivenMiddleware, middleware_list
from .._options import MAX_QUEUED_BYTES, Allow, Seconds, connect_arguments
from .._process.listeners import Listeners
from .._serve.service import Service
from .._tracebacks import leave_one_frame
from ._client import Client, Proxy
from ._lazy import LazyClient
from ._loop import LoopDriver, running
from ._opening import Opening

if TYPE_CHECKING:
    from typing import Literal

_THREADS = 4  # for what a client serves


@overload
def connect(
    address: str | Iterable[str],
    *,
    connect_timeout: Seconds = 10,
    max_queued_bytes: int = MAX_QUEUED_BYTES,
    limits: Mapping[str, int] | None = None,
    allow: Iterable[Allow] | None = None,
    serve: Any = None,
    name: str = "",
    middleware: GivenMiddleware = None,
    lazy: Literal[False] = False,
) -> Opening[Proxy]: ...


@overload
def connect(
    address: str | Iterable[str],
    *,
    connect_timeout: Seconds = 10,
    max_queued_bytes: int = MAX_QUEUED_BYTES,
    limits: Mapping[str, int] | None = None,
    allow: Iterable[Allow] | None = None,
    serve: Any = None,
    name: str = "",
    middleware: GivenMiddleware = None,
    lazy: Literal[True],
) -> Proxy: ...


def connect(
    address: str | Iterable[str],
    *,
    connect_timeout: Seconds = 10,
    max_queued_bytes: int = MAX_QUEUED_BYTES,
    limits: Mapping[str, int] | None = None,
    allow: Iterable[Allow] | None = None,
    serve: Any = None,
    name: str = "",
    middleware: GivenMiddleware = None,
    lazy: bool = False,
) -> Opening[Proxy] | Proxy:
    """ipcbridge.connect() on the running loop, to which the proxy then belongs.

    To be awaited, or entered: `async with aio.connect("calc") as calc` closes the connection at the end.

    With `lazy=True` it returns a proxy at once, without `await`, also where no loop runs, as at the level of a module.
    The first call connects: on each loop the first one that is made there, so that each has a connection of its own,
    which ends with its loop. close() closes that of the running loop.
    """
    if lazy is not False:
        try:
            arguments = connect_arguments(address, connect_timeout, max_queued_bytes, limits, allow, name, lazy)
            addresses = arguments["addresses"]
            for each in addresses:  # what is wrong with one is told at once
                _native.socket_path(each)
            return Proxy(LazyClient(addresses, _opener(arguments, middleware, serve, name)))
        except BaseException as error:
            leave_one_frame(error)
            raise

    async def connect() -> Proxy:
        try:
            arguments = connect_arguments(address, connect_timeout, max_queued_bytes, limits, allow, name, lazy)
            client = _opener(arguments, middleware, serve, name)(asyncio.get_running_loop(), Listeners())
            try:
                await client.ready
            except BaseException:
                client.close()
                raise
            return Proxy(client)
        except BaseException as error:
            leave_one_frame(error)
            raise

    return Opening(connect())


def _opener(
    arguments: dict[str, Any], middleware: GivenMiddleware, serve: Any, name: str
) -> Callable[[asyncio.AbstractEventLoop, Listeners], Client]:
    """Checks what is given, and returns what opens a client on the loop that runs."""
    functions = middleware_list(middleware)
    service = None if serve is None else Service(name or "what connect() serves", serve, False, None)

    def open_client(loop: asyncio.AbstractEventLoop, listeners: Listeners) -> Client:
        driver = running()
        attached = None if service is None else _attached(driver, loop, service)
        return Client(driver, loop, dict(arguments), functions, attached, listeners)

    return open_client


def _attached(driver: LoopDriver, loop: asyncio.AbstractEventLoop, service: Service) -> Attached:
    from . import _references

    return _references.Attached(driver, loop, service, _THREADS, None)
