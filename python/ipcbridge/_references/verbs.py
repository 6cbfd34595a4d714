"""What one does with functions and objects of the other side."""

from __future__ import annotations

from _collections_abc import Iterable

from .._errors import IpcError
from .._memory import release as release_array
from .._options import CallOptions
from .._shown import shown
from .._tracebacks import leave_one_frame
from .._typing import Any
from . import hooks  # noqa: F401, which the native module asks from now on
from .owned import GET_ATTRIBUTE, SET_ATTRIBUTE, Proxied, Retained, release_everywhere
from .peers import FanOut
from .remote import RemoteFunction, reference_of

_NO_OPTIONS = CallOptions()


def release(what: Any) -> None:
    """Ends a reference: what retain() or proxy() gave, or its function or object, for everybody who has it; a function
    or object of the other side's is given back to its owner, for whom it may be the last.

    What is called later raises IpcError('failed_precondition'). Does nothing when it has ended already.

    Of an array that has arrived in shared memory it gives the memory back, which then shows what comes next; that
    happens anyway when nothing refers to the array any more.
    """
    try:
        if release_array(what):
            return
        if isinstance(what, Retained):
            release_everywhere(what.function)
        elif isinstance(what, Proxied):
            release_everywhere(what.target)
        elif hasattr(what, "_remote"):
            reference_of(what).close()
        else:
            release_everywhere(what)
    except BaseException as error:
        leave_one_frame(error)
        raise


def fan_out(peers: Iterable[Any]) -> FanOut:
    """Many services as one, such as a server's `peers`: a method calls all of them at the same time.

    It gives an Outcome of each in their order, with `peer`, and `value` or `error`: one that fails keeps nobody else
    from answering.
    """
    return FanOut(peers)


def get_attribute(reference: Any, name: str) -> Any:
    """The value of an attribute, or property, of an object of the other side's. Under asyncio it is to be awaited.

    Raises IpcError: 'not_found' when it has none of that name, 'permission_denied' for a method and for a name that
    begins with an underscore.
    """
    return _attribute(reference, GET_ATTRIBUTE, name)(_name(name))


def set_attribute(reference: Any, name: str, value: Any) -> Any:
    """Sets an attribute, which there is, of an object of the other side's. Under asyncio it is to be awaited.

    Raises as get_attribute() does, and 'permission_denied' for what cannot be set, such as a property without a setter.
    """
    return _attribute(reference, SET_ATTRIBUTE, name)(_name(name), value)


def _attribute(reference: Any, act: int, name: str) -> Any:
    found = reference_of(reference)
    if isinstance(reference, RemoteFunction):
        raise IpcError("invalid_argument", f"a function has no attributes for others: {shown(name)}")
    return found.attribute_caller(act, _NO_OPTIONS)


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise IpcError("invalid_argument", f"the name of an attribute is a string, not {shown(name)}")
    return name
