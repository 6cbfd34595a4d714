"""Methods of a client that has middleware."""

from __future__ import annotations

from _collections_abc import Callable, Sequence

from .. import _native
from .._metadata import Metadata, carried_on, given_metadata, inherited_here, read_metadata
from .._middleware import Middleware, MiddlewareCall, MiddlewareEntry, compose
from .._options import CallOptions
from .._tracebacks import leave_out_the_library
from .._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Literal

MakeCaller = Callable[[CallOptions], _native.Caller]


class MiddlewareCaller(MiddlewareEntry):
    """A remote method with middleware around it. To be derived from, for what its calls return.

    The docstring of an instance is that of the method.
    """

    side = "client"

    def __init_subclass__(cls) -> None:
        cls.__doc__ = property(lambda self: self._plain.__doc__)  # type: ignore[assignment]

    def __init__(self, service: str, name: str, options: CallOptions, make: MakeCaller) -> None:
        super().__init__(service, name)
        self._options = options
        self._make = make
        self._plain = make(options)

    def kind_of(self, _served: object) -> Literal["call", "notification"]:
        return "notification" if self._options.flags & _native.NOTIFY else "call"

    def metadata_of(self, _served: object) -> dict[str, Any]:
        return read_metadata(self._options.metadata).over(inherited_here()).values

    def context_of(self, _served: object) -> None:
        return None

    def send_with_metadata(self, call: MiddlewareCall) -> Any:
        """In place of the plain caller, where somebody may have changed them."""
        inherited = carried_on(call.kind == "notification")
        names = [*read_metadata(self._options.metadata).names, *inherited.names]
        metadata = Metadata(given_metadata(call.metadata), names, inherited.chain, inherited.depth, inherited.held)
        return self._make(self._options.with_metadata(metadata))(*call.args, **call.kwargs)

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

    def __reduce__(self) -> Any:
        return self._plain.__reduce__()


class BlockingMiddlewareCaller(MiddlewareCaller):
    """Of the blocking API: gives the value."""

    def __init__(
        self, service: str, name: str, options: CallOptions, make: MakeCaller, middleware: Sequence[Middleware]
    ) -> None:
        super().__init__(service, name, options, make)
        self._begin(compose(middleware, self._plain), False, None, self._result_type())

    def _result_type(self) -> type | None:
        return None

    def failed(self, error: BaseException) -> None:
        leave_out_the_library(error)


class SubmittedMiddlewareCaller(BlockingMiddlewareCaller):
    """Of submit(): gives a future, also where a middleware answers by itself."""

    def _result_type(self) -> type:
        from .submitted import Future

        return Future

    def ended(self, result: Any) -> Any:
        from .submitted import Future

        return result if isinstance(result, Future) else Future.of(result)
