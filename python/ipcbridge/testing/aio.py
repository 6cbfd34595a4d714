"""The test kit for asyncio: pair() and fake() on the running loop, and what needs no loop as in ipcbridge.testing."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .._client.proxy import parts
from .._tracebacks import leave_one_frame
from ..aio._client import Proxy, close
from ..aio._connect import connect
from ..aio._opening import Opening
from ..aio._serve import serve
from ..aio._server import Server
from ._answers import Answer, answer
from ._fake import RecordedCall, calls, recorded, recorders
from ._link import Link, link
from ._names import unique_name

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Answer", "Fake", "Link", "Pair", "RecordedCall", "answer", "calls", "fake", "link", "pair", "unique_name"]


class Pair:
    """A service and a client that is connected to it: `async with pair(target) as (server, client)`, or close()."""

    def __init__(self, server: Server, client: Proxy) -> None:
        self.server = server
        self.client = client

    async def close(self) -> None:
        """Closes both; what still runs is cancelled. Does nothing when they are closed already."""
        await close(self.client)
        await self.server.close(grace=0)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.server, self.client))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def pair(
    target: Any, *, serve_options: Mapping[str, Any] | None = None, connect_options: Mapping[str, Any] | None = None
) -> Opening[Pair]:
    """testing.pair() on the running loop, to which both ends belong; to be awaited, or entered."""

    async def open_pair() -> Pair:
        server, client = await _serve_and_connect(target, serve_options, connect_options)
        return Pair(server, client)

    return Opening(open_pair())


_servers: weakref.WeakKeyDictionary[Any, Server] = weakref.WeakKeyDictionary()


class Fake(Proxy):
    """A client of a service that is faked."""

    async def __aexit__(self, *_: object) -> None:
        await close(self)
        server = _servers.get(parts(self)[0])
        if server is not None:
            await server.close(grace=0)


def fake(
    target: Any, *, serve_options: Mapping[str, Any] | None = None, connect_options: Mapping[str, Any] | None = None
) -> Opening[Fake]:
    """testing.fake() on the running loop, to be awaited, or entered: `async with fake(target) as calc`.

    `async def` methods run as tasks of the loop, others on threads.
    """

    async def open_fake() -> Fake:
        served, options, recorder = recorded(target, serve_options)
        server, proxy = await _serve_and_connect(served, options, connect_options)
        client, _, _ = parts(proxy)
        client.end_with_it(server.stop)
        recorders[client], _servers[client] = recorder, server
        return Fake(client)

    return Opening(open_fake())


async def _serve_and_connect(
    target: Any, serve_options: Mapping[str, Any] | None, connect_options: Mapping[str, Any] | None
) -> tuple[Server, Proxy]:
    try:
        server = await serve(f"inproc://{unique_name()}", target, **(serve_options or {}))
        try:
            return server, await connect(server.name, **(connect_options or {}))
        except BaseException:
            await server.close(grace=0)
            raise
    except BaseException as error:
        leave_one_frame(error)
        raise


for _public in (Fake, Pair):
    _public.__module__ = "ipcbridge.testing.aio"
