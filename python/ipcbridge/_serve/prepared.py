"""What serve() is given, checked: the same for every kind of server."""

from __future__ import annotations

from _collections_abc import Iterable, Mapping

from .._middleware import GivenMiddleware, middleware_list
from .._options import Allow, Seconds, check_service, serve_arguments
from .._typing import TYPE_CHECKING, Any
from .failures import MapError, OnError
from .service import Service

if TYPE_CHECKING:
    from concurrent.futures import Executor


class Prepared:
    """A service, on how many threads or which executor it runs, and the arguments of the native serve()."""

    __slots__ = ("arguments", "executor", "service", "threads")

    def __init__(self, service: Service, threads: int, executor: Executor | None, arguments: dict[str, Any]) -> None:
        self.service = service
        self.threads = threads
        self.executor = executor
        self.arguments = arguments


def prepare(
    name: str,
    target: Any,
    threads: int,
    serial: bool,
    executor: Executor | None,
    shared: bool,
    takeover: str,
    takeover_timeout: Seconds,
    allow: Iterable[Allow] | None,
    mode: int,
    limits: Mapping[str, int] | None,
    on_error: OnError | None,
    expose: Iterable[str] | None,
    middleware: GivenMiddleware,
    map_error: MapError | None,
    expose_errors: bool,
) -> Prepared:
    """Raises IpcError where something is wrong with what serve() is given."""
    count = check_service(name, threads, serial, executor)
    functions = middleware_list(middleware)
    service = Service(name, target, serial, on_error, map_error, expose_errors, functions, executor, count, expose)
    groups = service.serial_groups()
    arguments = serve_arguments(name, service.names, groups, takeover, takeover_timeout, allow, mode, limits, shared)
    return Prepared(service, count, executor, arguments)
