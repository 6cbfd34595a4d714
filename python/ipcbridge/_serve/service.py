"""Runs handlers: arguments in, reply out. The same for every kind of server."""

from __future__ import annotations

import itertools
from _collections_abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from types import CoroutineType

from .. import _native
from .._errors import IpcError
from .._middleware import Middleware
from .._process.threads import no_thread
from .._suppress import suppress
from .._typing import TYPE_CHECKING, Any, cast
from .describe import describe_service
from .exposure import exposed, is_serial
from .failures import CANCELLED, Failure, Failures, MapError, OnError, misfit
from .floats import with_floats
from .middleware import Around
from .narrow import narrowed

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from typing import Optional

    Handler = Callable[..., Any]
    Method = tuple[object, str, Optional[Handler], Handler]
    """As the native module takes it, bindings/python/handlers.hpp: the server, the name, a plain handler for the thread
    that reads a call, and what answers the call if that raises, or begins it if there is none."""
    Finish = Callable[[_native.InboundCall, int, BaseException, object], None]
    StartTask = Callable[[_native.InboundCall, Coroutine[Any, Any, None]], object]
    """Has a task of an event loop run the coroutine, in a copy of the current context."""
else:
    Handler, Method = Callable, tuple

# What has raised where InboundCall.answer_with() leaves the answer to somebody else.
_ARGUMENTS, _HANDLER, _RESULT, _ITEM, _ASYNC_STREAM = range(5)


class Service:
    """The methods of one server, in the order of their numbers."""

    _around: Around | None = None

    def __init__(
        self,
        name: str,
        target: Any,
        serial: bool,
        on_error: OnError | None,
        map_error: MapError | None = None,
        expose_errors: bool = True,
        middleware: Sequence[Middleware] = (),
        executor: Executor | None = None,
        threads: int = 1,
        expose: Iterable[str] | None = None,
    ) -> None:
        functions = narrowed(exposed(target), expose)
        self.name = name
        self.failures = Failures(name, on_error, map_error, expose_errors)
        self.functions: list[Handler] = [*functions.values(), lambda: describe_service(name, functions)]
        self.names: list[str] = [*functions, _native.DESCRIBE]
        around = self._around = Around(name, middleware, executor, threads)
        self.is_async = [*map(around.makes_async, functions.values()), False]
        self.makes_generators = [*map(around.makes_generators, functions.values()), False]
        self.handlers = [
            *(around.handler(name, function, with_floats(function)) for name, function in functions.items()),
            self.functions[-1],
        ]
        self._serial = serial
        self._path = ""  # where it is served, or was when that was last asked

    def close(self) -> None:
        """Its server has ended."""
        if self._around is not None:
            self._around.close()

    def serial_groups(self) -> list[int]:
        """Of each method the group within which one call runs at a time: one for all of a serial service, else one for
        each serial method; 0: none."""
        groups = itertools.count(1)
        return [(1 if self._serial else next(groups) if is_serial(each) else 0) for each in self.functions[:-1]]

    def placed(self, status: dict[str, Any]) -> dict[str, Any]:
        """A server's status: of a closed one, whose place the core has forgotten, with the last that was known."""
        self._path = status["path"] or self._path
        status.update(address=self.name, path=self._path)
        return status

    def name_of(self, call: _native.InboundCall) -> str:
        """Of what is called, in errors."""
        return call.method

    def refuse(self, call: _native.InboundCall, error: BaseException) -> None:
        """Answers a call that could not be begun, or what has run it has failed itself."""
        if type(error) is RuntimeError and "new thread" in str(error):
            error = no_thread(error)
        fail(call, self.failures.of_handler(call, error))

    def finisher(self, number: int, start_task: StartTask) -> Finish:
        """What answers a call of a plain method without a result, or has a task await what is to be awaited."""

        def finish(call: _native.InboundCall, stage: int, error: BaseException, result: object) -> None:
            if type(result) is _native.StreamProducer:
                self._go_on(stage, error, result, start_task)
            elif stage == _RESULT and _is_awaitable(result):
                _native.set_current_call(call)
                start_task(call, self._finish(call, number, cast("Awaitable[Any]", result), start_task))
            else:
                fail(call, self._failure(number, call, stage, error))

        return finish

    def failed_in_task(self, number: int, start_task: StartTask) -> Finish:
        """What answers a call that a task could not answer with a result."""

        def failed(call: _native.InboundCall, stage: int, error: BaseException, result: object) -> None:
            if type(result) is _native.StreamProducer:
                self._go_on(stage, error, result, start_task)
            else:
                fail(call, _cancellation(call, error) or self._failure(number, call, stage, error))

        return failed

    def _finish(
        self, call: _native.InboundCall, number: int, awaitable: Awaitable[Any], start_task: StartTask
    ) -> _native.HandlerCoroutine:
        """A coroutine that awaits what a plain function returned, and answers."""
        # A coroutine itself, so that closing this one before it has begun closes that one, too.
        coroutine = awaitable if type(awaitable) is CoroutineType else _result_of(awaitable)
        return _native.HandlerCoroutine(call, coroutine, self.failed_in_task(number, start_task))

    def _go_on(self, stage: int, error: BaseException, producer: _native.StreamProducer, start_task: StartTask) -> None:
        """Ends a stream that cannot go on, or begins one whose items a task makes."""
        if stage == _ASYNC_STREAM:
            from .streams import drive

            start_task(producer.call, drive(producer, lambda stage, error: self._end_stream(producer, stage, error)))
        else:
            self._end_stream(producer, stage, error)

    def _end_stream(self, producer: _native.StreamProducer, stage: int, error: BaseException) -> None:
        call, failures = producer.call, self.failures
        is_item = stage == _ITEM
        failed = failures.of_item(self.name_of(call), error) if is_item else failures.of_raised(call, error)
        end_stream(producer, failed)

    def _failure(self, number: int, call: _native.InboundCall, stage: int, error: BaseException) -> Failure:
        if stage == _ARGUMENTS:
            return self._unreadable(call, error)
        if stage == _HANDLER:
            return self._raised(number, call, error)
        return self.failures.of_result(self.name_of(call), error)

    def _unreadable(self, call: _native.InboundCall, error: BaseException) -> Failure:
        if not issubclass(type(error), IpcError):  # isinstance() asks the exception itself
            return self.failures.of_handler(call, error)
        return self.failures.of_arguments(call, error)

    def _raised(self, number: int, call: _native.InboundCall, error: BaseException) -> Failure:
        with suppress(BaseException):
            if type(error) is TypeError:
                args, kwargs = call.arguments()
                wrong = misfit(self.name_of(call), self.functions[number], args, kwargs)
                if wrong is not None:
                    return self._unreadable(call, wrong)
        return self.failures.of_raised(call, error)


def fail(call: _native.InboundCall, failure: Failure) -> None:
    """Answers a call, if its connection is still there to be answered on; then reports it."""
    with suppress(IpcError):  # there is no memory for the answer
        call.reply_error(*failure.reply)
    if failure.report is not None:
        failure.report()


def end_stream(producer: _native.StreamProducer, failure: Failure) -> None:
    """Ends a stream by an error, if there is anybody to be told; then reports it."""
    with suppress(IpcError):
        producer.end_with(*failure.reply)
    if failure.report is not None:
        failure.report()


def _is_awaitable(result: object) -> bool:
    import inspect

    try:
        return inspect.isawaitable(result)
    except Exception:  # an odd __class__
        return False


def _cancellation(call: _native.InboundCall, error: BaseException) -> Failure | None:
    """What is answered where a task was cancelled because the caller has given up."""
    import asyncio

    return CANCELLED if issubclass(type(error), asyncio.CancelledError) and call.cancelled() else None


async def _result_of(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
