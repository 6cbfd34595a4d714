"""What runs around calls, on either side: functions of a call and of what comes next."""

from __future__ import annotations

from _collections_abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Sequence

from . import _native
from ._errors import IpcError
from ._shown import shown
from ._streams import Source
from ._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Literal, Union

    Middleware = Callable[["MiddlewareCall", Callable[["MiddlewareCall"], Any]], Any]
    GivenMiddleware = Union[Middleware, Iterable[Middleware], None]
else:
    Middleware = GivenMiddleware = Callable


MiddlewareCall = _native.MiddlewareCall


class MiddlewareEntry(_native.MiddlewareEntry):
    """A method with middleware around it, which calls are made of. To be derived from.

    The native module makes a MiddlewareCall of each; what of that is seldom looked at it asks for here.
    """

    side: Literal["client", "server"]

    def __init__(self, service: str, method: str) -> None:
        self.service = service
        self.method = method

    def kind_of(self, served: Any) -> Literal["call", "notification"]:
        raise NotImplementedError

    def metadata_of(self, served: Any) -> dict[str, Any]:
        raise NotImplementedError

    def context_of(self, served: Any) -> Any:
        raise NotImplementedError

    def shown(self, served: Any) -> str:
        return f"<{self.kind_of(served)} of {self.method}() of {self.service}, on the {self.side}>"


def middleware_list(given: GivenMiddleware) -> list[Middleware]:
    """What a user gives as middleware: a function or some, the first of which is the outermost."""
    what: Any = given
    if what is None:
        return []
    functions = list(what) if isinstance(what, Iterable) and not isinstance(what, (str, bytes)) else [what]
    for function in functions:
        if not callable(function):
            raise IpcError("invalid_argument", f"middleware is a function, or a list of functions, not {shown(what)}")
        _expect_two(function)
    return functions


def _expect_two(function: Callable[..., Any]) -> None:
    import inspect

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # it has none that can be known
        return
    try:
        signature.bind(None, None)
    except TypeError as reason:
        name = getattr(function, "__qualname__", None) or shown(function)
        message = (
            f"middleware takes the call and what comes next, (call, next), and {name}{signature} does not: {reason}"
        )
        raise IpcError("invalid_argument", message) from None


def compose(
    functions: Sequence[Middleware],
    last: Callable[..., Any],
    make_awaitable: Callable[[Any], Awaitable[Any]] | None = None,
) -> _native.MiddlewareStep:
    """The functions around `last`, which takes the arguments. `make_awaitable`: for what next(call) is to give."""
    step = _native.MiddlewareStep(len(functions), last, None, make_awaitable, _expect_repeatable)
    for place in reversed(range(len(functions))):
        step = _native.MiddlewareStep(place, functions[place], step, make_awaitable, _expect_repeatable)
    return step


def awaitable(result: Any) -> Awaitable[Any]:
    return result if is_awaitable(result) else _value(result)


def is_awaitable(result: object) -> bool:
    if hasattr(type(result), "__await__"):
        return True
    import inspect

    return inspect.isawaitable(result)


async def _value(value: Any) -> Any:
    return value


def _expect_repeatable(call: MiddlewareCall) -> None:
    if _has_streams((call.args, call.kwargs)):
        raise IpcError(
            "failed_precondition",
            f"{call.method}(): next() has been called before, and a stream among the arguments is read once",
        )


def _has_streams(value: Any, depth: int = 128) -> bool:
    if isinstance(value, (Generator, AsyncGenerator, Source, _native.Stream, _native.LoopStream)):
        return True
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return False
    return depth > 0 and any(_has_streams(each, depth - 1) for each in value)
