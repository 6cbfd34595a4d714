"""A service and a client of it, in one process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .._client.client import Proxy, connect
from .._serve.serve import serve
from .._serve.server import Server
from .._tracebacks import leave_one_frame
from ._names import unique_name

if TYPE_CHECKING:
    from typing_extensions import Self


class Pair:
    """A service and a client that is connected to it: `with pair(target) as (server, client)`, or close()."""

    def __init__(self, server: Server, client: Proxy) -> None:
        self.server = server
        self.client = client

    def close(self) -> None:
        """Closes both; what still runs is cancelled. Does nothing when they are closed already."""
        with self.client:
            pass
        self.server.close(grace=0)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.server, self.client))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def pair(
    target: Any, *, serve_options: Mapping[str, Any] | None = None, connect_options: Mapping[str, Any] | None = None
) -> Pair:
    """Serves `target` under a name that nobody else has, and connects to it; both stay in this process.

    What is called passes through everything but the operating system: the codec, the protocol, the threads of the
    service. `serve_options` and `connect_options` are what serve() and connect() take. Any thread; raises what those
    raise.
    """
    try:
        server = serve(f"inproc://{unique_name()}", target, **(serve_options or {}))
        try:
            return Pair(server, connect(server.name, **(connect_options or {})))
        except BaseException:
            server.close(grace=0)
            raise
    except BaseException as error:
        leave_one_frame(error)
        raise
