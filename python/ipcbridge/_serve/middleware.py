"""Handlers of a service that has middleware."""

from __future__ import annotations

from _collections_abc import Awaitable, Callable, Sequence

from .. import _native
from .._middleware import Middleware, MiddlewareCall, compose
from .._typing import TYPE_CHECKING, Any
from .context import Context
from .describe import is_async

if TYPE_CHECKING:
    from concurrent.futures import Executor

    Handler = Callable[..., Any]


class Around:
    """What is put around the handlers of one service."""

    def __init__(self, service: str, middleware: Sequence[Middleware], executor: Executor | None) -> None:
        self._service = service
        self._middleware = middleware
        self._executor = executor
        self._has_async = any(map(is_async, middleware))

    def makes_async(self, function: Handler) -> bool:
        """Whether the calls of this one are for an event loop."""
        return self._has_async or is_async(function) or _is_async_generator(function)

    def makes_generators(self, function: Handler) -> bool:
        """Whether its handler gives an async generator, of which no code has run."""
        return not self._middleware and _is_async_generator(function)

    def handler(self, name: str, function: Handler, handler: Handler) -> Handler:
        """`handler` is what calls the function."""
        if not self._middleware:
            return handler
        if not self.makes_async(function):
            run = compose(self._middleware, lambda call: handler(*call.args, **call.kwargs))
            return lambda *args, **kwargs: run(self._new_call(name, args, kwargs))
        if is_async(function) or _is_async_generator(function) or _is_generator(function):
            run = compose(self._middleware, lambda call: handler(*call.args, **call.kwargs), _awaitable)
        else:
            run = compose(self._middleware, lambda call: self._on_thread(handler, call), _awaitable)

        async def handle(*args: Any, **kwargs: Any) -> Any:
            return await _awaitable(run(self._new_call(name, args, kwargs)))

        return handle

    def _new_call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> MiddlewareCall:
        call = _native.current_call()
        assert call is not None
        context = Context(call)
        return MiddlewareCall(
            "server", self._service, name, args, kwargs, call.is_notification, lambda: context.metadata, context
        )

    async def _on_thread(self, handler: Handler, call: MiddlewareCall) -> Any:
        import asyncio
        import contextvars

        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(
            self._executor, lambda: context.run(_call_without_stop, handler, call.args, call.kwargs)
        )
        return await result if _is_awaitable(result) else result


def _call_without_stop(handler: Handler, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return handler(*args, **kwargs)
    except StopIteration as error:  # which no future takes
        raise RuntimeError("the handler raised StopIteration") from error


def _is_generator(function: Handler) -> bool:
    import inspect

    return inspect.isgeneratorfunction(function)


def _is_async_generator(function: Handler) -> bool:
    import inspect

    return inspect.isasyncgenfunction(function)


def _is_awaitable(result: object) -> bool:
    import inspect

    return inspect.isawaitable(result)


def _awaitable(result: Any) -> Awaitable[Any]:
    return result if _is_awaitable(result) else _value(result)


async def _value(value: Any) -> Any:
    return value
