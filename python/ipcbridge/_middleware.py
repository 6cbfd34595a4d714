"""What runs around calls, on either side: functions of a call and of what comes next."""

from __future__ import annotations

from _collections_abc import AsyncGenerator, Callable, Generator, Iterable, Mapping

from . import _native
from ._errors import IpcError
from ._shown import shown
from ._streams import Source
from ._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Literal, Union

    Run = Callable[["MiddlewareCall"], Any]
    Middleware = Callable[["MiddlewareCall", Run], Any]
    GivenMiddleware = Union[Middleware, Iterable[Middleware], None]
else:
    Middleware = GivenMiddleware = Callable


class MiddlewareCall:
    """A call as middleware sees it, which may change `args`, `kwargs` and `metadata` before it calls next(call)."""

    __slots__ = ("_metadata", "_read_metadata", "args", "context", "kind", "kwargs", "method", "service", "side")

    def __init__(
        self,
        side: Literal["client", "server"],
        service: str,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        is_notification: bool,
        read_metadata: Callable[[], Mapping[str, Any]],
        context: Any = None,
    ) -> None:
        self.side = side
        self.service = service
        self.method = method
        self.args = args
        self.kwargs = kwargs
        self.kind: Literal["call", "notification"] = "notification" if is_notification else "call"
        self.context = context  # on the server as context() gives it, else None
        self._read_metadata = read_metadata
        self._metadata: Mapping[str, Any] | None = None

    @property
    def metadata(self) -> Any:
        """A dict: on the server of what came, on the client of what will be sent."""
        if self._metadata is None:
            self._metadata = dict(self._read_metadata())
        return self._metadata

    @metadata.setter
    def metadata(self, metadata: Mapping[str, Any]) -> None:
        self._metadata = metadata

    def looked_at_metadata(self) -> Mapping[str, Any] | None:
        """None where nobody has, who might have changed them."""
        return self._metadata

    def __repr__(self) -> str:
        return f"<{self.kind} of {self.method}() of {self.service}, on the {self.side}>"


def middleware_list(given: GivenMiddleware) -> list[Middleware]:
    """What a user gives as middleware: a function or some, the first of which is the outermost."""
    what: Any = given
    if what is None:
        return []
    functions = list(what) if isinstance(what, Iterable) and not isinstance(what, (str, bytes)) else [what]
    for function in functions:
        if not callable(function):
            raise IpcError("invalid_argument", f"middleware is a function, or a list of functions, not {shown(what)}")
    return functions


def compose(functions: Iterable[Middleware], last: Run, pass_result: Callable[[Any], Any] | None = None) -> Run:
    """The functions around what `last` does with a call. `pass_result` makes what next(call) gives of a result."""
    run = last
    for function in reversed(list(functions)):
        run = _around(function, run, pass_result)
    return run


def _around(function: Middleware, following: Run, pass_result: Callable[[Any], Any] | None) -> Run:
    def run(call: MiddlewareCall) -> Any:
        is_used = False

        def next_(call: MiddlewareCall) -> Any:
            nonlocal is_used
            if is_used and _has_streams((call.args, call.kwargs)):
                raise IpcError(
                    "failed_precondition",
                    f"{call.method}(): next() has been called before, and a stream among the arguments is read once",
                )
            is_used = True
            result = following(call)
            return result if pass_result is None else pass_result(result)

        return function(call, next_)

    return run


def _has_streams(value: Any, depth: int = 128) -> bool:
    if isinstance(value, (Generator, AsyncGenerator, Source, _native.Stream, _native.LoopStream)):
        return True
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return False
    return depth > 0 and any(_has_streams(each, depth - 1) for each in value)
