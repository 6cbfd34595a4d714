"""Methods of a client that has middleware."""

from __future__ import annotations

from _collections_abc import Callable, Mapping

from .. import _native
from .._metadata import Metadata, given_metadata, inherited_here, read_metadata
from .._middleware import Middleware, MiddlewareCall, compose
from .._options import CallOptions
from .._tracebacks import leave_out_the_library
from .._typing import Any

MakeCaller = Callable[[CallOptions], _native.Caller]


class MiddlewareCaller:
    """A remote method with middleware around it. To be derived from, for what its calls return.

    The docstring of an instance is that of the method.
    """

    def __init_subclass__(cls) -> None:
        cls.__doc__ = property(lambda self: self._plain.__doc__)  # type: ignore[assignment]

    def __init__(
        self, service: str, name: str, options: CallOptions, make: MakeCaller, middleware: list[Middleware]
    ) -> None:
        self._service = service
        self._method = name
        self._options = options
        self._make = make
        self._plain = make(options)
        self._run = compose(middleware, self._send, self._next_result)

    def _new_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> MiddlewareCall:
        is_notification = bool(self._options.flags & _native.NOTIFY)
        return MiddlewareCall("client", self._service, self._method, args, kwargs, is_notification, self._metadata)

    def _metadata(self) -> Mapping[str, Any]:
        return read_metadata(self._options.metadata).over(inherited_here()).values

    def _send(self, call: MiddlewareCall) -> Any:
        looked_at = call.looked_at_metadata()
        caller = self._plain
        if looked_at is not None:
            names = [*read_metadata(self._options.metadata).names, *inherited_here().names]
            caller = self._make(self._options.with_metadata(Metadata(given_metadata(looked_at), names)))
        return caller(*call.args, **call.kwargs)

    def _next_result(self, result: Any) -> Any:
        """What next(call) gives."""
        return result

    def __get__(self, _instance: object, _owner: object = None) -> MiddlewareCaller:
        return self

    @property
    def __signature__(self) -> Any:
        return self._plain.__signature__

    @property
    def __name__(self) -> str:
        return self._plain.__name__

    def __repr__(self) -> str:
        return repr(self._plain)


class BlockingMiddlewareCaller(MiddlewareCaller):
    """Of the blocking API: gives the value; of submit() a future, also where a middleware answers by itself."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        try:
            result = self._run(self._new_call(args, kwargs))
        except BaseException as error:
            leave_out_the_library(error)
            raise
        if not self._options.flags & _native.SUBMIT:
            return result
        from .submitted import Future

        return result if isinstance(result, Future) else Future.of(result)
