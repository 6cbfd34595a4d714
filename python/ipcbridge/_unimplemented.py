"""What a later release brings. Until then it is refused with 'unimplemented', and these are the reasons given."""

from __future__ import annotations

from ._errors import IpcError
from ._typing import Any, NoReturn

CALLBACKS = "callbacks come in a later release"
REFERENCES = "passing by reference comes in a later release"
ARRAYS = "arrays come in a later release"
EXCEPTIONS = "exceptions as values come in a later release"
EXPOSE = "serve: the option 'expose' comes in a later release"


def retain(function: Any) -> NoReturn:
    """Will let a callback outlive its call. Comes in a later release: raises IpcError('unimplemented')."""
    raise IpcError("unimplemented", CALLBACKS)


def proxy(value: Any) -> NoReturn:
    """Will pass an object by reference. Comes in a later release: raises IpcError('unimplemented')."""
    raise IpcError("unimplemented", REFERENCES)
