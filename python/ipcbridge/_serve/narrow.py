"""Which of the methods that a target has are served: `expose`."""

from __future__ import annotations

from _collections_abc import Callable, Iterable, Iterator

from .. import _native
from .._errors import IpcError
from .._shown import shown
from .._typing import Any, NoReturn


def narrowed(functions: dict[str, Callable[..., Any]], expose: Iterable[str] | None) -> dict[str, Callable[..., Any]]:
    """Those of the functions that `expose` names, in their order; all where it is None.

    Each name is a method's, or a namespace's, which means all that is in it. What is left out does not
    exist for callers.
    Raises IpcError('invalid_argument').
    """
    if expose is None:
        return functions
    wanted = _names(expose)
    offered: set[str] = set()
    kept: dict[str, Callable[..., Any]] = {}
    for name, function in functions.items():
        names = {name, *_namespaces(name)}
        offered |= names
        if not wanted.keys().isdisjoint(names):
            kept[name] = function
    for name in wanted:
        if name not in offered:
            _refuse_unknown(name, offered)
    return kept


def _names(expose: object) -> dict[str, None]:
    """In the order in which they were given, so that it is always the same one that is refused."""
    if isinstance(expose, str):
        _refuse(f"expose is a list of the names of methods and namespaces: write [{shown(expose)}]")
    if isinstance(expose, bytes) or not isinstance(expose, Iterable):
        _refuse(f"expose is a list of the names of methods and namespaces, not {shown(expose)}")
    names: dict[str, None] = {}
    for name in expose:
        if not isinstance(name, str):
            _refuse(f"expose lists the names of methods and namespaces, not {shown(name)}")
        names[name] = None
    if not names:
        _refuse("expose is empty, so that nothing could be called: leave it out to serve everything")
    return names


def _namespaces(name: str) -> Iterator[str]:
    """Of 'a.b.c' these are 'a.b' and 'a'."""
    while (dot := name.rfind(".")) > 0:
        name = name[:dot]
        yield name


def _refuse_unknown(name: str, offered: Iterable[str]) -> NoReturn:
    if any(part.startswith("_") for part in name.split(".")):
        hint = ": names that begin with _ are never served"
    else:
        hint = _native.did_you_mean(_utf8(name), [_utf8(each) for each in sorted(offered)])
    _refuse(f"expose: there is no method or namespace {shown(name)} to serve{hint}")


def _utf8(name: str) -> str:
    """Without lone surrogates, which the core does not take."""
    return name.encode(errors="replace").decode()


def _refuse(message: str) -> NoReturn:
    raise IpcError("invalid_argument", message)
