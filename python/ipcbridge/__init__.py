"""Node.js and Python processes call each other's functions as if they were local.

    import ipcbridge as ipc

    server = ipc.serve("calc", {"add": lambda a, b=0: a + b})   # here, or in Node.js

    with ipc.connect("calc") as calc:
        calc.add(2, b=3)

`ipcbridge.aio` has the same names for asyncio. Any thread may use anything; in a forked child what the
parent made raises IpcError('failed_precondition'): connect again there. The import raises ImportError in a
subinterpreter, and where the extension module does not load, with the cause and what to do.
"""

from ._extension import __version__ as __version__  # first: it loads the extension module, or says why it cannot

# isort: split
from ._client.client import Proxy, call, connect, describe
from ._errors import DeadlineExceeded, IpcError, RemoteError, Unavailable
from ._memory import alloc
from ._middleware import MiddlewareCall
from ._native import Stream
from ._references.owned import proxy, retain
from ._references.verbs import fan_out, get_attribute, release, set_attribute
from ._registered import register_error
from ._serve.context import Context, Peer, context
from ._serve.exposure import method
from ._serve.serve import serve
from ._serve.server import Server
from ._streams import stream
from ._typing import TYPE_CHECKING
from ._verbs import close, notify, on_state, status, submit, with_options

if TYPE_CHECKING:
    from . import aio as aio
    from ._code import Code
    from ._serve.signals import close_on_signals

__all__ = [
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
    "submit",
    "with_options",
]


def __dir__() -> list[str]:
    return [*__all__, "__version__", "aio"]


if not TYPE_CHECKING:  # to a type checker it would say that there is any name

    def __getattr__(name: str) -> object:
        if name == "aio":  # asyncio takes longer to import than all the rest
            from importlib import import_module

            return import_module("ipcbridge.aio")
        if name == "close_on_signals":  # and signal
            from ._serve.signals import close_on_signals

            globals()["close_on_signals"] = close_on_signals
            return close_on_signals
        if name == "Code":  # so does typing
            from ._code import Code

            globals()["Code"] = Code
            return Code
        raise AttributeError(f"module 'ipcbridge' has no attribute {name!r}")


for _public in (MiddlewareCall, Proxy, Context, Peer, Server, Stream):
    _public.__module__ = "ipcbridge"
del TYPE_CHECKING
