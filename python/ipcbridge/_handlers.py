"""Runs handlers: arguments in, reply out. The same for every kind of server."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, Union

from . import _later, _native
from ._context import end_context, of_task
from ._describe import DESCRIBE, describe_service, is_async, is_generator
from ._errors import IpcError
from ._exposure import exposed, is_serial
from ._failures import CANCELLED, ErrorReply, Failure, Failures, OnError, misfit
from ._floats import with_floats
from ._values import decode_args, encode_result

if TYPE_CHECKING:
    import asyncio

Handler = Callable[..., Any]
Queue = TypeVar("Queue")


class Unawaited(NamedTuple):
    """What a plain function returned that is to be awaited, on an event loop."""

    result: Awaitable[Any]


Reply = Union[bytes, ErrorReply, Failure]
Outcome = Union[bytes, Failure, Unawaited]


class Service:
    """The methods of one server, in the order of their numbers."""

    def __init__(self, name: str, target: Any, serial: bool, on_error: OnError | None) -> None:
        functions = exposed(target)
        self.name = name
        self.failures = Failures(name, on_error)
        self.functions: list[Handler] = [*functions.values(), lambda: describe_service(name, functions)]
        self.names: list[str] = [*functions, DESCRIBE]
        self.is_async = [is_async(function) for function in self.functions]
        self._calls = [_prepared(name, function) for name, function in zip(self.names, self.functions)]
        self._serial = serial

    def serial_queues(self, make: Callable[[], Queue]) -> list[Queue | None]:
        """Where each method waits: all of a serial service in one queue, else a serial method in its own."""
        whole = make() if self._serial else None
        return [whole or (make() if is_serial(each) else None) for each in self.functions]

    def sync_invoker(self, number: int, otherwise: Callable[[Outcome], Any]) -> Callable[[bytes], Any]:
        """A function that runs a method that is not `async def`: it returns the encoded result.

        Of a call that ended in another way it returns what `otherwise` makes of that.
        """
        call, name = self._calls[number], self.names[number]

        def invoke(payload: bytes) -> Any:
            try:
                args, kwargs = decode_args(payload)
            except BaseException as error:
                return otherwise(self._unreadable(name, error))
            try:
                result = call(*args, **kwargs) if kwargs else call(*args)
            except BaseException as error:
                return otherwise(self._raised(number, error, payload))
            try:
                return encode_result(result)
            except BaseException as error:
                if _is_awaitable(result):
                    return otherwise(Unawaited(result))
                return otherwise(self.failures.of_result(name, error))

        return invoke

    async def invoke_async(self, number: int, payload: bytes, lock: asyncio.Lock | None = None) -> Reply:
        """Answers a request for an `async def` method, while it has the lock if there is one. To be run as a task."""
        import asyncio

        task = asyncio.current_task()
        try:
            args, kwargs = decode_args(payload)
        except BaseException as error:
            return self._unreadable(self.names[number], error)
        try:
            if lock is None:
                result = await self._calls[number](*args, **kwargs)
            else:
                async with lock:
                    result = await self._calls[number](*args, **kwargs)
        except BaseException as error:
            if _is_abandoned(error, task):
                raise
            return _cancellation(error) or self._raised(number, error, payload)
        return self._encoded(number, result)

    def answerer(self, number: int) -> Callable[[_native.Pump, tuple[int, int], bytes], Coroutine[Any, Any, None]]:
        """A function that answers a call of an `async def` method. To be run as a task."""
        import asyncio

        call, name, current_task = self._calls[number], self.names[number], asyncio.current_task

        async def answer(pump: _native.Pump, key: tuple[int, int], payload: bytes) -> None:
            reply: Reply
            task = current_task()
            try:
                args, kwargs = decode_args(payload)
            except BaseException as error:
                reply = self._unreadable(name, error)
            else:
                try:
                    result = await call(*args, **kwargs)
                except BaseException as error:
                    if _is_abandoned(error, task):
                        raise
                    reply = _cancellation(error) or self._raised(number, error, payload)
                else:
                    reply = self._encoded(number, result)
            send_reply(pump, key, reply)
            end_context(of_task.get())

        return answer

    async def finish(self, number: int, awaitable: Awaitable[Any]) -> Reply:
        """Awaits what a plain function returned, and answers. To be run as a task."""
        import asyncio

        task = asyncio.current_task()
        try:
            result = await awaitable
        except BaseException as error:
            if _is_abandoned(error, task):
                raise
            name = self.names[number]
            return _cancellation(error) or self.failures.of_handler(name, error, is_notification=_is_notification())
        return self._encoded(number, result)

    def _encoded(self, number: int, result: Any) -> Reply:
        try:
            return encode_result(result)
        except BaseException as error:
            return self.failures.of_result(self.names[number], error)

    def _unreadable(self, name: str, error: BaseException) -> Failure:
        if not issubclass(type(error), IpcError):  # isinstance() asks the exception itself
            return self.failures.of_handler(name, error)
        return self.failures.of_arguments(name, error, is_notification=_is_notification())

    def _raised(self, number: int, error: BaseException, payload: bytes) -> Failure:
        name = self.names[number]
        with contextlib.suppress(BaseException):
            if type(error) is TypeError:
                args, kwargs = decode_args(payload)
                wrong = misfit(name, self.functions[number], args, kwargs)
                if wrong is not None:
                    return self._unreadable(name, wrong)
        return self.failures.of_handler(name, error, is_notification=_is_notification())


def send_reply(native: _native.Pump | _native.Driver, key: tuple[int, int], reply: Reply) -> None:
    """Answers a call, if its connection is still there to be answered on; then reports it, if it has failed so."""
    with contextlib.suppress(IpcError):
        if isinstance(reply, bytes):
            native.reply(*key, reply)
        else:
            code, message, details = reply.reply if isinstance(reply, Failure) else reply
            native.reply_error(*key, code, message, details)
    if isinstance(reply, Failure) and reply.report is not None:
        reply.report()


def _prepared(name: str, function: Handler) -> Handler:
    """`function` as it is called: generators refused, integers made floats where annotations say so."""
    if is_generator(function):

        def refuse(*_args: Any, **_kwargs: Any) -> Any:
            raise IpcError("unimplemented", f"{name}() is a generator: {_later.STREAMS}")

        return refuse
    return with_floats(function)


def current_key() -> tuple[int, int]:
    """Of the call that the calling thread, a worker of the blocking server, is handling."""
    request = _native.current_request()
    assert request is not None
    return request[3], request[4]


def _is_notification() -> bool:
    """Whether the call that the calling thread or task is handling wants no answer."""
    context = of_task.get(None)
    if context is not None:
        return context._is_notification
    request = _native.current_request()
    return request is not None and request[5]


def _is_awaitable(result: object) -> bool:
    import inspect

    try:
        return inspect.isawaitable(result)
    except Exception:  # an odd __class__
        return False


def _cancellation(error: BaseException) -> ErrorReply | None:
    """What is answered where a task was cancelled because the caller has given up."""
    import asyncio

    return CANCELLED if issubclass(type(error), asyncio.CancelledError) and of_task.get().cancelled() else None


def _is_abandoned(error: BaseException, task: asyncio.Task[Any] | None) -> bool:
    """Whether the task is closed by whoever frees it, because its loop is gone."""
    import asyncio

    if not issubclass(type(error), GeneratorExit):
        return False
    try:
        return asyncio.current_task() is not task
    except RuntimeError:  # no loop runs here
        return True
