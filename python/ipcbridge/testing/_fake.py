"""A client whose service is a few answers in the same process, and which remembers what it was asked."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .._client.client import Proxy, connect
from .._client.proxy import BaseProxy, parts
from .._errors import IpcError
from .._middleware import MiddlewareCall, middleware_list
from .._serve.serve import serve
from .._serve.server import Server
from .._tracebacks import leave_one_frame
from ._mocks import served_members
from ._names import unique_name


class RecordedCall(NamedTuple):
    """A call, with its arguments as they arrived."""

    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Recorder:
    """Middleware of a service that keeps its calls, in the order in which they began."""

    def __init__(self) -> None:
        self.calls: list[RecordedCall] = []

    def __call__(self, call: MiddlewareCall, following: Callable[[MiddlewareCall], Any]) -> Any:
        self.calls.append(RecordedCall(call.method, call.args, call.kwargs))
        return following(call)


recorders: weakref.WeakKeyDictionary[Any, Recorder] = weakref.WeakKeyDictionary()
_servers: weakref.WeakKeyDictionary[Any, Server] = weakref.WeakKeyDictionary()


def calls(fake: BaseProxy, method: str | None = None) -> list[RecordedCall]:
    """What a fake has been asked, the first call first; with `method`, a dotted name, only the calls of that.

    The list is a copy, the arguments are those that the handlers were given. Any thread. Raises
    IpcError('invalid_argument') for what fake() has not made.
    """
    recorder = recorders.get(parts(fake)[0])
    if recorder is None:
        raise IpcError("invalid_argument", "calls() takes what fake() returned: other clients record nothing")
    return [call for call in recorder.calls if method is None or call.method == method]


def recorded(target: Any, options: Mapping[str, Any] | None) -> tuple[Any, dict[str, Any], Recorder]:
    """What is served for a fake, and with which options."""
    recorder, given = Recorder(), dict(options or {})
    given["middleware"] = [recorder, *middleware_list(given.get("middleware"))]
    given.setdefault("on_error", _say_nothing)  # the caller gets it, and is the one who is tested
    return served_members(target), given, recorder


def _say_nothing(_error: BaseException, _method: str) -> None:
    pass


class Fake(Proxy):
    """A client of a service that is faked."""

    def __exit__(self, *raised: object) -> None:
        super().__exit__(*raised)
        server = _servers.get(parts(self)[0])
        if server is not None:
            server.close(grace=0)


def fake(
    target: Any, *, serve_options: Mapping[str, Any] | None = None, connect_options: Mapping[str, Any] | None = None
) -> Fake:
    """A client of `target`, which is anything that serve() takes, or a mock with a spec; calls() tells what was asked.

    Closed by `with`, ipcbridge.close(), or when it is dropped. `answer(...)` makes methods of canned answers.
    Everything passes through the real codec and protocol within this process: a tuple arrives as a list, what cannot
    be sent is refused, and an IpcError that a method raises arrives as a RemoteError with its code. Methods run on
    threads of the fake; what they raise is not logged. `serve_options` and `connect_options` are what serve() and
    connect() take.

    Any thread. Raises what serve() raises.
    """
    try:
        served, options, recorder = recorded(target, serve_options)
        server = serve(f"inproc://{unique_name()}", served, **options)
        try:
            client, _, _ = parts(connect(server.name, **(connect_options or {})))
            client.end_with_it(server.stop)
            recorders[client], _servers[client] = recorder, server
            return Fake(client)
        except BaseException:
            server.close(grace=0)
            raise
    except BaseException as error:
        leave_one_frame(error)
        raise
