"""The error types of the public API: one base class, one closed list of codes."""

from __future__ import annotations

from . import _native
from ._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Literal

    from ._code import Code as Code

    Sent = Literal["no", "maybe"]
else:
    Code = Sent = str

# The name of a class, whatever that class makes of `__name__`.
class_name = vars(type)["__name__"].__get__

CODES = frozenset(_native.CODES)


class IpcError(Exception):
    """A call, connection or service failed; `code` says how.

    Raised in a handler, `IpcError("not_found", "no such user", details)` reaches the caller with that code.
    `details` is any value that can be sent. `sent` tells, for a call lost with its connection or given up at
    its deadline, whether the peer may have run it ("maybe") or surely has not ("no"); it is None for every
    other error.
    """

    # Defaults, for subclasses whose __init__ does not call this one.
    code: Code = "unknown"
    details: Any = None
    sent: Sent | None = None

    def __init__(self, code: Code, message: str = "", details: Any = None, *, sent: Sent | None = None) -> None:
        if code not in CODES:
            raise ValueError(f"{code!r} is not an error code; the codes are {', '.join(sorted(CODES))}")
        # Only the message goes to the base classes: OSError, below two subclasses, reads a second argument as errno.
        super().__init__(message)
        self.code = code
        self.details = details
        self.sent = sent

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __repr__(self) -> str:
        return f"{class_name(type(self))}({self.message!r}, code={self.code!r})"

    @property
    def message(self) -> str:
        """What was said; str() of a RemoteError puts the type before it."""
        return IpcError.__str__(self)

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own __reduce__ would call the class with the message alone.
        return _restore, (type(self), self.args, self.__dict__)


class DeadlineExceeded(IpcError, TimeoutError):
    """This side's deadline or timeout passed before the reply came."""

    def __init__(self, message: str = "", details: Any = None, *, sent: Sent | None = None) -> None:
        super().__init__("deadline_exceeded", message, details, sent=sent)


class Unavailable(IpcError, ConnectionError):
    """The service cannot be reached, or its connection was lost during the call."""

    def __init__(self, message: str = "", details: Any = None, *, sent: Sent | None = None) -> None:
        super().__init__("unavailable", message, details, sent=sent)


_UNTOLD_TYPES = ("Error", "IpcError")  # of JavaScript's plain errors, and of those whose code says what they are


class RemoteError(IpcError):
    """The other side answered the call with an error.

    `type` is the exception's class name there, `remote_traceback` its stack as text (None where it was not
    sent), `__cause__` the error it was raised from, `attributes` what it carried besides, as a dict, and `errors` the
    members of an ExceptionGroup or an AggregateError. Whatever was raised there, this is never a TimeoutError or
    ConnectionError here: those speak of this side's call.
    """

    type: str = "Error"
    remote_traceback: str | None = None
    errors: tuple[Exception, ...] = ()

    def __init__(
        self,
        code: Code,
        message: str = "",
        details: Any = None,
        *,
        type: str = "Error",
        remote_traceback: str | None = None,
        attributes: dict[str, Any] | None = None,
        errors: tuple[Exception, ...] = (),
    ) -> None:
        super().__init__(code, message, details)
        self.type = type
        self.remote_traceback = remote_traceback
        self.attributes: dict[str, Any] = {} if attributes is None else attributes
        self.errors = errors

    def __str__(self) -> str:
        message = self.message
        if not message:
            return self.type
        return message if self.type in _UNTOLD_TYPES else f"{self.type}: {message}"

    def __repr__(self) -> str:
        return f"{class_name(type(self))}({self.message!r}, type={self.type!r}, code={self.code!r})"


# Where users find them, and tracebacks and pickles name them.
for _class in (IpcError, DeadlineExceeded, Unavailable, RemoteError):
    _class.__module__ = "ipcbridge"
del _class


def error_from_code(code: Code, message: str, details: Any = None, *, sent: Sent | None = None) -> IpcError:
    """The error this side raises for `code`, in the subclass that Python has an idiom for."""
    if code == "deadline_exceeded":
        return DeadlineExceeded(message, details, sent=sent)
    if code == "unavailable":
        return Unavailable(message, details, sent=sent)
    return IpcError(code, message, details, sent=sent)


def _restore(cls: type[IpcError], args: tuple[Any, ...], state: dict[str, Any]) -> IpcError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error
