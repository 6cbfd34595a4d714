"""What a caller, and the log, are told of a call that failed on the serving side."""

from __future__ import annotations

import sys
from _collections_abc import Callable

from .. import _native
from .._errors import IpcError
from .._process import log as _log
from .._registered import registered_name
from .._shown import shown
from .._suppress import suppress
from .._tracebacks import leave_out_the_library, outside_the_library
from .._typing import Any
from .._values import encode_error, name_of
from .describe import hint_at_keywords, is_async, signature_of

OnError = Callable[[BaseException, str], object]
MapError = Callable[[BaseException, str], "BaseException | None"]
ErrorReply = tuple[int, str, bytes]

_NUMBERS = {code: number for number, code in enumerate(_native.CODES, 1)}
_MAX_MESSAGE = 1024


class Failure:
    """The answer to a call that failed, and what is to be done when it has been sent."""

    __slots__ = ("reply", "report")

    def __init__(self, reply: ErrorReply, report: Callable[[], None] | None = None) -> None:
        self.reply = reply
        self.report = report


# What a call gets whose caller has given up; it is answered all the same, because it counts until then.
CANCELLED = Failure((_NUMBERS["cancelled"], "the call was cancelled", b""))


class Failures:
    """Makes the failures of a service, and never raises then: that would cost a thread, and the call its answer."""

    def __init__(
        self, service: str, on_error: OnError | None, map_error: MapError | None = None, expose_errors: bool = True
    ) -> None:
        _check_function(on_error, "on_error")
        _check_function(map_error, "map_error")
        if not isinstance(expose_errors, bool):
            raise IpcError("invalid_argument", f"expose_errors is True or False, not {shown(expose_errors)}")
        self._service = service
        self._on_error = on_error
        self._map_error = map_error
        self._exposed = expose_errors

    def of_raised(self, call: _native.InboundCall, error: BaseException) -> Failure:
        """The code of a handler raised it, or of a stream's generator."""
        return self.of_handler(call, error if self._map_error is None else self._mapped(error, call.method))

    def _mapped(self, error: BaseException, method: str) -> BaseException:
        with suppress(BaseException):
            leave_out_the_library(error)
        try:
            mapped: object = self._map_error(error, method)  # type: ignore[misc]
            if mapped is None:
                return error
            if isinstance(mapped, BaseException):
                return mapped
            raise TypeError(f"map_error returned {shown(mapped)}, which is no exception")
        except BaseException as failure:  # sys.exit() among them
            _log.error("%s: map_error failed", self._service, exc_info=failure)
            return error

    def of_handler(self, call: _native.InboundCall, error: BaseException) -> Failure:
        """A handler raised it. What it meant to raise is told to the caller only, if there is one that waits."""
        with suppress(BaseException):  # what belongs to the exception may raise
            error = _error_of_cancellation(error)
            leave_out_the_library(error)
        # isinstance() would ask the exception itself.
        if issubclass(type(error), IpcError) or registered_name(error) is not None:
            return self._expected(call, error)
        method = call.method
        return Failure(self._reply(error), lambda: self._report(error, method))

    def of_result(self, method: str, error: BaseException) -> Failure:
        """What the handler returned cannot be sent."""
        return self._unsendable(f"{method}() returned", method, error)

    def of_item(self, method: str, error: BaseException) -> Failure:
        """An item of a stream cannot be sent."""
        return self._unsendable(f"{method}() yielded", method, error)

    def _unsendable(self, done: str, method: str, error: BaseException) -> Failure:
        """The service's fault, not the caller's."""
        if type(error) is IpcError:
            code = "internal" if error.code == "invalid_argument" else error.code
            unsendable = IpcError(code, f"{done} what cannot be sent: {error}")
            unsendable.__cause__ = error.__cause__
            error = unsendable
        return Failure(self._reply(error), lambda: self._report(error, method))

    def of_arguments(self, call: _native.InboundCall, error: BaseException) -> Failure:
        """The handler has not run."""
        with suppress(BaseException):
            error.__traceback__ = outside_the_library(error.__traceback__)
        return self._expected(call, error)

    def _expected(self, call: _native.InboundCall, error: BaseException) -> Failure:
        if not call.is_notification:
            return Failure(self._reply(error))
        method = call.method
        return Failure(
            self._reply(error),
            lambda: _log.error("%s: a notification of %s() failed: %s", self._service, method, error),
        )

    def _reply(self, error: BaseException) -> ErrorReply:
        try:
            code = error.code if issubclass(type(error), IpcError) else "unknown"  # type: ignore[attr-defined]
            number, message = _NUMBERS.get(code, _NUMBERS["unknown"]), _message(error)
        except BaseException:  # what belongs to the exception raises itself: its attributes
            number, message = _NUMBERS["unknown"], name_of(error)
        return number, message, encode_error(error, exposed=self._exposed)

    def _report(self, error: BaseException, method: str) -> None:
        if self._on_error is None:
            _log.error("%s: the handler of %s() failed", self._service, method, exc_info=error)
            return
        try:
            self._on_error(error, method)
        except BaseException as failure:  # sys.exit() among them
            _log.error("%s: on_error failed", self._service, exc_info=failure)


def _check_function(function: object, what: str) -> None:
    if function is None:
        return
    if not callable(function):
        raise IpcError("invalid_argument", f"{what} is a function, not {shown(function)}")
    if is_async(function):  # it is told on whatever thread the handler ran
        raise IpcError("invalid_argument", f"{what} is a plain function, not an `async def`; it may start a task")


def misfit(method: str, function: Callable[..., Any], args: Any, kwargs: Any) -> IpcError | None:
    """What to say instead of a TypeError if it was raised because the arguments do not fit."""
    signature = signature_of(function)
    if signature is None:
        return None
    try:
        signature.bind(*args, **kwargs)
    except TypeError as reason:
        try:
            return IpcError("invalid_argument", f"{method}{signature}: {reason}{hint_at_keywords(args)}")
        except Exception:  # a default's repr
            return IpcError("invalid_argument", f"{method}(): {reason}{hint_at_keywords(args)}")
    return None


def _error_of_cancellation(error: BaseException) -> BaseException:
    """A cancellation that is not its caller's: its event loop ends, or it did so itself."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or not issubclass(type(error), asyncio.CancelledError):
        return error
    return IpcError("cancelled", str(error) or "the handler was cancelled").with_traceback(error.__traceback__)


def _message(error: BaseException) -> str:
    try:
        return str(error)[:_MAX_MESSAGE].encode("utf-8", "replace").decode()
    except Exception:
        return name_of(error)
