"""Node.js and Python processes call each other's functions as if they were local.

    import ipcbridge as ipc

    server = ipc.serve("calc", {"add": lambda a, b=0: a + b})   # here, or in Node.js

    with ipc.connect("calc") as calc:
        calc.add(2, b=3)

`ipcbridge.aio` has the same names for asyncio. Any thread may use anything; in a forked child what the
parent made raises IpcError('failed_precondition'): connect again there. In a subinterpreter the import raises
ImportError.
"""

from __future__ import annotations

from typing import Any

from . import _native
from ._client import Proxy, call, close, connect
from ._context import Context, context
from ._errors import Code, DeadlineExceeded, IpcError, RemoteError, Unavailable
from ._exposure import method
from ._later import proxy, retain, stream
from ._proxy import parts
from ._server import Server, serve
from ._verbs import notify, on_state, status, with_options

__version__: str = _native.__version__


def describe(proxy: Proxy) -> dict[str, Any]:
    """What the service tells of itself: {"service", "methods": {name: {"signature", "doc", "params", "async"}}}."""
    client, options, _prefix = parts(proxy)
    described: dict[str, Any] = client.describe(options)
    return described


__all__ = [
    "Code",
    "Context",
    "DeadlineExceeded",
    "IpcError",
    "Proxy",
    "RemoteError",
    "Server",
    "Unavailable",
    "call",
    "close",
    "connect",
    "context",
    "describe",
    "method",
    "notify",
    "on_state",
    "proxy",
    "retain",
    "serve",
    "status",
    "stream",
    "with_options",
]
