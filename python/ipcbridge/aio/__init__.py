"""ipcbridge for asyncio, also under uvloop: the names of `ipcbridge`, awaitable, on the running loop.

    from ipcbridge import aio

    calc = await aio.connect("calc")  # or: async with aio.connect("calc") as calc
    await calc.add(2, b=3)

A proxy or server belongs to the loop on which it was made, and to that loop's thread.
"""

from .._code import Code
from .._errors import DeadlineExceeded, IpcError, RemoteError, Unavailable
from .._memory import alloc
from .._middleware import MiddlewareCall
from .._references.owned import proxy, retain
from .._references.verbs import get_attribute, release, set_attribute
from .._registered import register_error
from .._serve.context import Context, Peer, context
from .._serve.exposure import method
from .._serve.signals import close_on_signals
from .._streams import stream
from .._verbs import notify, on_state, status, with_options
from ._call import Call
from ._client import Proxy, call, close, describe
from ._connect import connect
from ._fan_out import fan_out
from ._serve import serve
from ._server import Server
from ._stream import Stream

__all__ = [
    "Call",
    "Code",
    "Context",
    "DeadlineExceeded",
    "IpcError",
    "MiddlewareCall",
    "Peer",
    "Proxy",
    "RemoteError",
    "Server",
    "Stream",
    "Unavailable",
    "alloc",
    "call",
    "close",
    "close_on_signals",
    "connect",
    "context",
    "describe",
    "fan_out",
    "get_attribute",
    "method",
    "notify",
    "on_state",
    "proxy",
    "register_error",
    "release",
    "retain",
    "serve",
    "set_attribute",
    "status",
    "stream",
    "with_options",
]


def __dir__() -> list[str]:
    return __all__


for _public in (Call, Proxy, Server, Stream):
    _public.__module__ = "ipcbridge.aio"
