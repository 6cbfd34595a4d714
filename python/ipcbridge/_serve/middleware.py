"""Handlers of a service that has middleware."""

from __future__ import annotations

from _collections_abc import Callable, Sequence

from .. import _native
from .._middleware import Middleware, MiddlewareEntry, awaitable, compose, is_awaitable
from .._typing import TYPE_CHECKING, Any
from .context import Context
from .describe import is_async

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from typing import Literal

    Handler = Callable[..., Any]


class Around:
    """What is put around the handlers of one service."""

    def __init__(self, service: str, middleware: Sequence[Middleware], executor: Executor | None, threads: int) -> None:
        """`threads`: how many run plain handlers around which something is awaited, where there is no executor."""
        self._service = service
        self._middleware = middleware
        self._executor = executor
        self._threads = threads
        self._own_executor: Executor | None = None
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
            return ServedMethod(self._service, name, compose(self._middleware, handler))
        if not (is_async(function) or _is_async_generator(function) or _is_generator(function)):
            handler = self._on_thread(handler)
        method = ServedMethod(self._service, name, compose(self._middleware, handler, awaitable))

        async def handle(*args: Any, **kwargs: Any) -> Any:
            return await awaitable(method(*args, **kwargs))

        return handle

    def close(self) -> None:
        """What runs goes on; nothing begins any more."""
        if self._own_executor is not None:
            self._own_executor.shutdown(wait=False)

    def _on_thread(self, handler: Handler) -> Handler:
        executor = self._executor or self._make_executor()

        async def handle(*args: Any, **kwargs: Any) -> Any:
            import asyncio
            import contextvars

            context = contextvars.copy_context()
            run = asyncio.get_running_loop().run_in_executor
            result = await run(executor, lambda: context.run(_call_without_stop, handler, args, kwargs))
            return await result if is_awaitable(result) else result

        return handle

    def _make_executor(self) -> Executor:
        if self._own_executor is None:
            from concurrent.futures import ThreadPoolExecutor

            self._own_executor = ThreadPoolExecutor(self._threads, f"ipcbridge-{self._service}")
        return self._own_executor


class ServedMethod(MiddlewareEntry):
    """A method of a service, with middleware around it."""

    side = "server"

    def __init__(self, service: str, method: str, first: _native.MiddlewareStep) -> None:
        super().__init__(service, method)
        self._begin(first, True, None, None)

    def kind_of(self, served: _native.InboundCall) -> Literal["call", "notification"]:
        return "notification" if served.is_notification else "call"

    def metadata_of(self, served: _native.InboundCall) -> dict[str, Any]:
        return Context(served).metadata

    def context_of(self, served: _native.InboundCall) -> Context:
        return Context(served)


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
