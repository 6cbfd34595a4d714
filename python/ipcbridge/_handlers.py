"""Runs handlers: arguments in, reply out, exceptions told to the caller. The same for every kind of server."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, Union

from . import _later, _native
from ._context import of_task
from ._describe import DESCRIBE, describe_service, hint_at_keywords, is_async, signature_of
from ._errors import CODES, Code, IpcError
from ._exposure import exposed, is_serial
from ._values import decode_args, encode_error, encode_result, name_of

logger = logging.getLogger("ipcbridge")

OnError = Callable[[BaseException, str], object]
ErrorReply = tuple[int, str, bytes]
Reply = Union[bytes, ErrorReply]
Handler = Callable[..., Any]
Lane = TypeVar("Lane")

_NUMBERS: dict[str, int] = {code: number for number, code in enumerate(Code.__args__, 1)}  # type: ignore[attr-defined]
assert len(_NUMBERS) == len(CODES)
_MAX_MESSAGE = 1024

# What a call gets whose caller has given up; it is answered all the same, because it counts until then.
CANCELLED: ErrorReply = (_NUMBERS["cancelled"], "the call was cancelled", b"")


class Service:
    """The methods of one server, in the order of their numbers."""

    def __init__(self, name: str, target: Any, serial: bool, on_error: OnError | None) -> None:
        functions = exposed(target)
        self.name = name
        self.on_error = on_error
        self.functions: list[Handler] = list(functions.values())
        self.functions.append(functools.partial(describe_service, name, functions))
        self.names: list[str] = [*functions, DESCRIBE]
        self.is_async = [is_async(function) for function in self.functions]
        self._calls = [_prepared(name, function) for name, function in zip(self.names, self.functions)]
        self._serial = serial

    def lanes(self, make: Callable[[], Lane]) -> list[Lane | None]:
        """What each method waits in for its turn: all of a serial service in one, else a serial method in its own."""
        whole = make() if self._serial else None
        return [whole or (make() if is_serial(each) else None) for each in self.functions]

    def sync_invoker(self, number: int) -> Callable[[bytes], Reply]:
        """A function that answers a request for a method that is not `async def`."""
        call, fail = self._calls[number], functools.partial(self.failure, number)

        def invoke(payload: bytes) -> Reply:
            result = None
            try:
                args, kwargs = decode_args(payload)
                result = call(*args, **kwargs) if kwargs else call(*args)
                return encode_result(result)
            except BaseException as error:
                return fail(error, payload, result)

        return invoke

    async def invoke_async(self, number: int, payload: bytes, lock: asyncio.Lock | None = None) -> Reply:
        """Answers a request for an `async def` method, while it has the lock if there is one. To be run as a task."""
        task = asyncio.current_task()
        try:
            args, kwargs = decode_args(payload)
            if lock is None:
                return encode_result(await self._calls[number](*args, **kwargs))
            async with lock:
                return encode_result(await self._calls[number](*args, **kwargs))
        except asyncio.CancelledError as error:
            return CANCELLED if of_task.get().cancelled() else self.failure(number, error, payload)
        except GeneratorExit as error:
            if not _is_running(task):  # the loop is gone
                raise
            return self.failure(number, error, payload)
        except BaseException as error:
            return self.failure(number, error, payload)

    def failure(self, number: int, error: BaseException, payload: bytes, result: Any = None) -> ErrorReply:
        """Turns what a handler raised into the reply that tells of it; logs what it raised unexpectedly.

        `result` is what it returned, if that could not be sent. Never raises: it would cost the service a thread, and
        the call its answer.
        """
        try:
            return self._failure(number, _unawaited(result) or error, payload)
        except BaseException:  # what belongs to the exception raises itself: its attributes, its str()
            return _NUMBERS["unknown"], name_of(error), encode_error(error)

    def _failure(self, number: int, error: BaseException, payload: bytes) -> ErrorReply:
        if isinstance(error, asyncio.CancelledError):  # not by its caller: its event loop ends, or it did so itself
            error = IpcError("cancelled", str(error) or "the handler was cancelled").with_traceback(error.__traceback__)
        error = self._arity_error(number, error, payload) or error
        if not isinstance(error, IpcError):
            self._report(error, self.names[number])
        code = error.code if isinstance(error, IpcError) else "unknown"
        try:
            message = str(error)[:_MAX_MESSAGE].encode("utf-8", "replace").decode()
        except Exception:
            message = name_of(error)
        return _NUMBERS.get(code, _NUMBERS["unknown"]), message, encode_error(error)

    def _report(self, error: BaseException, name: str) -> None:
        try:
            if self.on_error is not None:
                self._call_on_error(self.on_error, error, name)
            else:
                logger.error("%s: the handler of %s() failed", self.name, name, exc_info=error)
        except BaseException:
            logger.error(
                "%s: the handler of %s() failed with a %s that cannot be printed", self.name, name, name_of(error)
            )

    def _call_on_error(self, on_error: OnError, error: BaseException, name: str) -> None:
        try:
            on_error(error, name)
        except BaseException:  # sys.exit() among them
            logger.exception("%s: on_error failed", self.name)

    def _arity_error(self, number: int, error: BaseException, payload: bytes) -> IpcError | None:
        """What to say instead of a TypeError that was raised because the arguments do not fit."""
        if type(error) is not TypeError:
            return None
        signature = signature_of(self.functions[number])
        if signature is None:
            return None
        try:
            args, kwargs = decode_args(payload)
            signature.bind(*args, **kwargs)
        except TypeError as misfit:
            name = self.names[number]
            return IpcError("invalid_argument", f"{name}{signature}: {misfit}{hint_at_keywords(args)}")
        return None


def send_reply(native: _native.Pump | _native.Driver, key: tuple[int, int], reply: Reply) -> None:
    """Answers a call, if its connection is still there to be answered on."""
    with contextlib.suppress(IpcError):
        if isinstance(reply, bytes):
            native.reply(*key, reply)
        else:
            code, message, details = reply
            native.reply_error(*key, code, message, details)


def _prepared(name: str, function: Handler) -> Handler:
    """`function` as it is called: generators refused, integers made floats where parameters say so."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):

        def refuse(*_args: Any, **_kwargs: Any) -> Any:
            raise IpcError("unimplemented", f"{name}() is a generator: {_later.STREAMS}")

        return refuse
    signature = signature_of(function)
    places, names = _float_parameters(signature) if signature else (frozenset(), frozenset())
    if not places and not names:
        return function

    @functools.wraps(function, updated=())
    def convert(*args: Any, **kwargs: Any) -> Any:
        if any(type(args[at]) is int for at in places if at < len(args)):
            args = tuple(float(arg) if type(arg) is int and at in places else arg for at, arg in enumerate(args))
        for key in names & kwargs.keys():
            if type(kwargs[key]) is int:
                kwargs[key] = float(kwargs[key])
        return function(*args, **kwargs)

    return convert


def _float_parameters(signature: inspect.Signature) -> tuple[frozenset[int], frozenset[str]]:
    """The parameters annotated exactly float: the places of those given by place, the names of those given by name."""
    by_place: set[int] = set()
    by_name: set[str] = set()
    for at, parameter in enumerate(signature.parameters.values()):
        if parameter.annotation not in (float, "float"):
            continue
        if parameter.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD):
            by_place.add(at)
        if parameter.kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD):
            by_name.add(parameter.name)
    return frozenset(by_place), frozenset(by_name)


def _is_running(task: asyncio.Task[Any] | None) -> bool:
    try:
        return asyncio.current_task() is task
    except RuntimeError:  # no loop runs here
        return False


def _unawaited(result: Any) -> IpcError | None:
    """What to say of a plain function that returned a coroutine."""
    if not isinstance(result, Coroutine):
        return None
    with contextlib.suppress(BaseException):
        result.close()
    return IpcError("unimplemented", "the handler is no `async def` and yet returned a coroutine: define it as one")
