"""aio.serve()."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from typing import Any

from .._middleware import GivenMiddleware
from .._options import Allow, Seconds
from .._serve.failures import MapError, OnError
from .._serve.prepared import prepare
from .._tracebacks import leave_one_frame
from ._loop import running
from ._opening import Opening
from ._server import Server


def serve(
    name: str,
    target: Any,
    *,
    threads: int = 8,
    serial: bool = False,
    executor: Executor | None = None,
    shared: bool = False,
    takeover: str = "wait",
    takeover_timeout: Seconds = 2,
    allow: Iterable[Allow] | None = None,
    mode: int = 0o600,
    limits: Mapping[str, int] | None = None,
    on_error: OnError | None = None,
    expose: Iterable[str] | None = None,
    middleware: GivenMiddleware = None,
    map_error: MapError | None = None,
    expose_errors: bool = True,
) -> Opening[Server]:
    """ipcbridge.serve() on the running loop, to be awaited or entered.

    `async def` handlers run as tasks of this loop, other functions on `threads` threads or on `executor`, with the
    context variables of the server's. When the caller cancels, so is the task.
    """

    async def serve() -> Server:
        try:
            prepared = prepare(
                name,
                target,
                threads,
                serial,
                executor,
                shared,
                takeover,
                takeover_timeout,
                allow,
                mode,
                limits,
                on_error,
                expose,
                middleware,
                map_error,
                expose_errors,
            )
            loop = asyncio.get_running_loop()
            server = Server(running(), loop, prepared.service, prepared.threads, executor)
            await server.start(prepared.arguments)
            return server
        except BaseException as error:
            leave_one_frame(error)
            raise

    return Opening(serve())
