"""Remote services as Python objects. The attributes of a proxy belong to the other side."""

from __future__ import annotations

from typing import Any, Protocol

from . import _native
from ._errors import IpcError
from ._options import CallOptions

_NO_OPTIONS = CallOptions()


class Remote(Protocol):
    """One client of a service: what a proxy calls through."""

    address: str

    def methods(self) -> list[str]: ...
    def caller(self, name: str, options: CallOptions) -> Any: ...


class BaseProxy:
    """A service at the other end, or a namespace in it.

    Attributes are remote methods, made when first asked for; all names without a leading underscore are the
    service's own, so what one can do with a proxy itself is a function of the module.
    """

    _remote: Remote
    _options: CallOptions
    _prefix: str

    def __init__(self, remote: Remote, options: CallOptions = _NO_OPTIONS, prefix: str = "") -> None:
        vars(self).update(_remote=remote, _options=options, _prefix=prefix)

    def __getattr__(self, name: str) -> Any:
        # Only for names that are not in __dict__ yet.
        if name.startswith("_"):
            raise AttributeError(f"remote names do not begin with an underscore: {name!r}")
        remote, full = self._remote, self._prefix + name
        methods = remote.methods()
        found: Any
        if full in methods:
            found = remote.caller(full, self._options)
        elif any(each.startswith(full + ".") for each in methods):
            found = type(self)(remote, self._options, full + ".")
        else:
            hint = _native.did_you_mean(full, methods)
            raise AttributeError(f"the service {remote.address!r} has no {full!r}{hint}")
        return vars(self).setdefault(name, found)

    def __dir__(self) -> list[str]:
        inside = [name[len(self._prefix) :] for name in self._remote.methods() if name.startswith(self._prefix)]
        return sorted({name.partition(".")[0] for name in inside if not name.startswith("_")})

    def __repr__(self) -> str:
        where = f" in {self._remote.address}" if self._prefix else f" {self._remote.address}"
        return f"<remote{' namespace ' + self._prefix[:-1] if self._prefix else ''}{where}>"

    def __reduce__(self) -> Any:
        raise TypeError("a proxy cannot be pickled or copied: connect again, or pass it by reference")


def parts(proxy: BaseProxy) -> tuple[Any, CallOptions, str]:
    """The client, the options and the prefix of a proxy; IpcError('invalid_argument') for anything else."""
    if not isinstance(proxy, BaseProxy):
        hint = "; a server has close(), wait() and status() of its own" if hasattr(proxy, "status") else ""
        raise IpcError("invalid_argument", f"expected what connect() returned, not {type(proxy).__name__}{hint}")
    return proxy._remote, proxy._options, proxy._prefix
