"""Remote services as Python objects. The attributes of a proxy belong to the other side."""

from __future__ import annotations

from _collections_abc import Iterable, Mapping

from .. import _native
from .._by_reference import RemoteCallable, RemoteObject
from .._errors import IpcError
from .._options import CallOptions
from .._typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast
from .replaced import begin_to_replace, replaced_of

if TYPE_CHECKING:
    from typing import Literal

_NO_OPTIONS = CallOptions()
_MOST_SHOWN = 20
_OF_PARENT = "of the process that called fork()"
_READS = "get_attribute(object, {!r}) reads an attribute"
_SETS = "set_attribute(object, {!r}, value) sets an attribute"


class Remote(Protocol):
    """One client of a service: what a proxy calls through."""

    address: str
    lazy: bool

    @property
    def generation(self) -> _native.Generation: ...
    def methods(self) -> list[str]: ...
    def status(self) -> dict[str, Any]: ...
    def caller(self, name: str, options: CallOptions) -> Any: ...
    def help(self, name: str) -> tuple[str, Any]: ...


class _Doc:
    """`help(proxy)` and IPython's `proxy?` show what the service offers; the class has a docstring as any other."""

    def __init__(self, of_class: str | None) -> None:
        self._of_class = of_class

    def __get__(self, proxy: BaseProxy | None, _owner: object = None) -> str | None:
        return self._of_class if proxy is None else proxy._overview()


class BaseProxy(_native.ProxyBase):
    """A service at the other end, or a namespace in it.

    Attributes are remote methods, made when first asked for and kept while the service offers them; all names without
    a leading underscore are the service's own, so what one can do with a proxy itself is a function of the module.
    """

    _remote: Remote
    _options: CallOptions
    _prefix: str

    def __init__(self, remote: Remote, options: CallOptions = _NO_OPTIONS, prefix: str = "") -> None:
        vars(self).update(_remote=remote, _options=options, _prefix=prefix)
        self._follow(remote.generation)

    def __init_subclass__(cls) -> None:
        cls.__doc__ = _Doc(cls.__doc__)  # type: ignore[assignment]

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def _find(self, name: str) -> Any:
        remote, full = self._remote, self._prefix + name
        methods = remote.methods()
        kind = _kind(full, methods)
        if kind is None:
            if not methods and remote.status()["state"] == "closed":  # what the service had is forgotten then
                raise IpcError("failed_precondition", "the client is closed")
            if remote.lazy and not methods:
                return vars(self).setdefault(name, Unheard(remote, self._options, full + "."))
            hint = _native.did_you_mean(full, methods)
            if isinstance(self, RemoteObject):
                raise AttributeError(f"the remote object has no method {full!r}{hint}; {_READS.format(full)}")
            raise AttributeError(f"the service {remote.address!r} has no {full!r}{hint}")
        if kind == "namespace":
            return vars(self).setdefault(name, type(self)(remote, self._options, full + "."))
        own = None
        if (replaced := replaced_of(remote)) is not None:
            if replaced.is_replaced(full):
                return replaced.get(full, None)
            own = replaced.own(self).get(full)
        return vars(self).setdefault(name, own or remote.caller(full, self._options))

    def __setattr__(self, name: str, value: object) -> None:
        """Replaces a method in this process, for all proxies of the connection, until it is put back or deleted."""
        remote, full = self._remote, self._prefix + name
        is_method = not name.startswith("_") and _kind(full, remote.methods()) == "method"
        replaced = begin_to_replace(remote)
        own = replaced.own(self)
        if is_method and not replaced.is_replaced(full):
            own[full] = getattr(self, name)
        elif is_method and full not in own:
            own[full] = remote.caller(full, self._options)
        # Its own it may have back although the service, started again, does not offer it.
        if not callable(value) or not (is_method or value is own.get(full)):
            if isinstance(self, RemoteObject) and not is_method:
                raise AttributeError(f"the remote object cannot be changed from here; {_SETS.format(full)}")
            _refuse(name)
        if value is own.get(full):
            replaced.end_all(full)
        else:
            replaced.put(full, value)
        if is_method:
            vars(self)[name] = value
        remote.generation.advance()  # the other proxies look again

    def __delattr__(self, name: str) -> None:
        remote, full = self._remote, self._prefix + name
        replaced = replaced_of(remote)
        if replaced is None or not replaced.is_replaced(full):
            _refuse(name)
        replaced.end_last(full)
        vars(self).pop(name, None)
        remote.generation.advance()

    def _forget_stale(self) -> None:
        self._follow(self._remote.generation)  # another one in a forked child
        members, methods = vars(self), self._remote.methods()
        if not methods:  # the client is closed, and says so better
            return
        replaced = replaced_of(self._remote)
        for name, member in list(members.items()):
            if name.startswith("_"):
                continue
            if isinstance(member, Unheard):
                members.pop(name, None)
                continue
            kind, full = "namespace" if isinstance(member, BaseProxy) else "method", self._prefix + name
            if _kind(full, methods) != kind:
                members.pop(name, None)
            elif kind == "method" and replaced is not None:
                own = replaced.own(self).setdefault(full, member)
                members[name] = replaced.get(full, own)

    def __dir__(self) -> list[str]:
        return sorted({name.partition(".")[0] for name in self._method_names()})

    def __repr__(self) -> str:
        names = self._shown_names()
        shown = names if len(names) <= _MOST_SHOWN else [*names[:_MOST_SHOWN], f"and {len(names) - _MOST_SHOWN} more"]
        return f"<{self._title()}: {', '.join(shown)}>" if names else f"<{self._title()}, {self._state()}>"

    def _title(self) -> str:
        if isinstance(self, RemoteObject):
            return "remote object"
        address = self._remote.address
        return f"remote namespace {self._prefix[:-1]} in {address}" if self._prefix else f"remote {address}"

    def _state(self) -> str:
        try:
            return cast("str", self._remote.status()["state"])
        except IpcError:  # debuggers and logs show it wherever it is
            return _OF_PARENT

    def _shown_names(self) -> list[str]:
        # Of a client that has just been closed the methods are known for a moment longer.
        return [] if self._state() in ("closed", _OF_PARENT) else self._method_names()

    def _method_names(self) -> list[str]:
        inside = [name[len(self._prefix) :] for name in self._remote.methods() if name.startswith(self._prefix)]
        return [name for name in inside if not name.startswith("_")]

    def _overview(self) -> str:
        """The methods, with signatures and the first lines of their docstrings as far as those are known."""
        names = self._shown_names()
        if not names:
            return f"{self._title()}, {self._state()}"
        lines = [f"{self._title()}, with the methods", ""]
        for name in names:
            doc, signature = self._remote.help(self._prefix + name)
            first = (doc if signature is not None else "").split("\n", 1)[0]
            lines.append(f"    {name}{'(...)' if signature is None else signature}{'  ' if first else ''}{first}")
        return "\n".join(lines)

    def __reduce__(self) -> Any:
        raise TypeError("a proxy cannot be pickled or copied: connect again, or pass it by reference")


class Unheard(BaseProxy):
    """What a service may have by that name, a method or a namespace: nothing has been heard of it yet."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._remote.caller(self._prefix[:-1], self._options)(*args, **kwargs)

    def _title(self) -> str:
        return f"remote {self._prefix[:-1]} in {self._remote.address}"


def _refuse(name: str) -> NoReturn:
    what = f"{name!r}: what can be replaced is a method, by a function"
    raise AttributeError(f"a remote service cannot be changed from here: {what}")


def _kind(name: str, methods: list[str]) -> Literal["method", "namespace"] | None:
    if name in methods:
        return "method"
    return "namespace" if any(each.startswith(name + ".") for each in methods) else None


def parts(proxy: Any) -> tuple[Any, CallOptions, str]:
    """The client, the options and the prefix of a proxy; IpcError('invalid_argument') for anything else."""
    if not isinstance(proxy, (BaseProxy, RemoteCallable)):
        what = type(proxy).__name__
        if callable(proxy):
            what = "a method: pass the service itself, as in with_options(service, timeout=1).method()"
        elif hasattr(proxy, "status"):
            what += "; a server has close(), wait() and status() of its own"
        raise IpcError("invalid_argument", f"expected what connect() returned, not {what}")
    return proxy._remote, proxy._options, proxy._prefix


def parts_of_call(proxy: BaseProxy, name: str, args: Iterable[Any]) -> tuple[Any, CallOptions, str]:
    """The client, the options and the whole name of the method; IpcError('invalid_argument') for what is none."""
    client, options, prefix = parts(proxy)
    given_name: object = name
    given: object = args
    if not isinstance(given_name, str):
        raise IpcError("invalid_argument", "call() takes the name of the method")
    # Of a string or a dict the letters or the keys would be sent, which nobody means.
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise IpcError("invalid_argument", "call() takes the arguments as a list, keyword arguments as a dict after it")
    return client, options, prefix + name
