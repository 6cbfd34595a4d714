"""What travels beside the arguments of a call, and what of it calls made by its handler carry on."""

from __future__ import annotations

from _collections_abc import Iterable, Mapping

from . import _native
from ._errors import IpcError
from ._shown import shown
from ._typing import Any

MAX_METADATA = 64 * 1024
"""Bytes that metadata may take once encoded, with what is inherited."""
_PASS_ON = ":pass_on"
_CHAIN = ":chain"
"""The marks of the threads that are blocked until the call is over, in Node.js: ipc.sync."""
_DEPTH = ":depth"
"""How many calls wait for the call, each made by the handler of the one before."""
_HELD = ":held"
"""The threads that are blocked until the call is over, in Python; last, behind the depth (nested_calls.hpp)."""
_TRACE = ("traceparent", "tracestate")  # of https://www.w3.org/TR/trace-context/


class Metadata:
    """
    Those of a call: values by their names, and the names of those that pass on besides the trace.

    Calls made by the handler carry the chain on, too: what would wait for a thread that waits for it is known by that.
    By `depth` a recursion without end is known, and by `held` one that comes to the end of a service's threads.
    """

    __slots__ = ("_encoded", "chain", "depth", "held", "names", "values")

    def __init__(
        self,
        values: Mapping[str, Any],
        names: Iterable[str] = (),
        chain: Iterable[str] = (),
        depth: int = 0,
        held: bytes = b"",
    ) -> None:
        self.values = dict(values)
        self.names = list(dict.fromkeys(names))
        self.chain = list(chain)
        self.depth = depth
        self.held = held
        self._encoded: bytes | None = None

    def over(self, inherited: Metadata) -> Metadata:
        """With what is inherited, of which the own replaces what has the same name."""
        names, chain = [*inherited.names, *self.names], [*inherited.chain, *self.chain]
        return Metadata({**inherited.values, **self.values}, names, chain, inherited.depth, inherited.held)

    def holding(self, held: bytes) -> Metadata:
        """The same with these threads."""
        return Metadata(self.values, self.names, self.chain, self.depth, held) if held else self

    def encoded(self) -> bytes:
        """Raises IpcError('invalid_argument') for what cannot be sent, or is too large."""
        if self._encoded is None:
            self._encoded = self._encode()
        return self._encoded

    def _encode(self) -> bytes:
        names = [name for name in self.names if name in self.values]
        every = ((_PASS_ON, names), (_CHAIN, self.chain), (_DEPTH, self.depth), (_HELD, self.held))
        own = {key: value for key, value in every if value}
        if not self.values and not own:
            return b""
        encoded = _native.encode_result({**self.values, **own}, "metadata")
        if len(encoded) > MAX_METADATA:
            raise IpcError(
                "invalid_argument",
                f"metadata take {len(encoded)} bytes, with what is inherited, and may take {MAX_METADATA}:"
                " send large values as arguments",
            )
        return encoded


NONE = Metadata({})


def given_metadata(given: object) -> dict[str, Any]:
    """What a user gives as metadata."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise IpcError("invalid_argument", "metadata is a mapping with string keys")
    for key in given:
        if key.startswith(":"):
            raise IpcError(
                "invalid_argument", f"metadata: {shown(key)} begins with a colon, as ipcbridge's own keys do"
            )
    return dict(given)


def given_names(given: object, values: Mapping[str, Any]) -> list[str]:
    """What a user gives as pass_on: names of metadata, own or inherited."""
    names = None if isinstance(given, (str, bytes)) or not isinstance(given, Iterable) else list(given)
    if names is None or not all(isinstance(name, str) for name in names):
        raise IpcError("invalid_argument", f"pass_on is a list of the names of metadata, not {shown(given)}")
    inherited = inherited_here().values
    for name in names:
        if name not in values and name not in inherited:
            raise IpcError("invalid_argument", f"pass_on: there is no {shown(name)} in the metadata")
    return names


def read_metadata(encoded: bytes) -> Metadata:
    """Those of a call that has arrived, or is to be sent. IpcError('data_loss') for what is no mapping."""
    decoded = _native.decode(encoded) if encoded else {}
    if type(decoded) is not dict:
        raise IpcError("data_loss", f"the caller sent metadata that are no mapping: {shown(decoded)}")
    values = {name: value for name, value in decoded.items() if type(name) is str and not name.startswith(":")}
    depth = decoded.get(_DEPTH)
    return Metadata(
        values,
        _texts(decoded.get(_PASS_ON)),
        _texts(decoded.get(_CHAIN)),
        depth if type(depth) is int and depth > 0 else 0,
    )


def _texts(value: object) -> list[str]:
    return [each for each in value if type(each) is str] if type(value) is list else []


def inherited_from(call: _native.InboundCall) -> Metadata:
    """What calls made by the handler of that call carry on, if that waits for them."""
    kept: Metadata | None = call.passed_on
    if kept is None:
        kept = call.passed_on = _passed_on(call.metadata)
    return kept


def inherited_here() -> Metadata:
    """What a call that is made here inherits."""
    call = _native.current_call()
    return NONE if call is None else inherited_from(call)


def carried_on(is_notification: bool) -> Metadata:
    """The same as it is to be sent. Raises IpcError('resource_exhausted') where too many calls wait for one another."""
    call = _native.current_call()
    if call is None:
        return NONE
    is_counted = not is_notification and not call.is_answered
    inherited = _counted(call, is_counted)
    return inherited.holding(call.held) if is_counted else inherited


def _passed_on(encoded: bytes) -> Metadata:
    try:
        metadata = read_metadata(encoded)
    except IpcError:  # whoever asks for them is told
        return Metadata({}, depth=1)
    values = metadata.values
    passed_on = {name: values[name] for name in (*metadata.names, *_TRACE) if name in values}
    return Metadata(passed_on, metadata.names, metadata.chain, metadata.depth + 1)


def _counted(call: _native.InboundCall, is_counted: bool) -> Metadata:
    """What nobody waits for begins to count anew."""
    inherited = inherited_from(call)
    if not is_counted:
        return Metadata(inherited.values, inherited.names, inherited.chain)
    if inherited.depth < _native.MAX_NESTED_CALLS:
        return inherited
    most = _native.MAX_NESTED_CALLS
    raise IpcError(
        "resource_exhausted",
        f"a call made by the handler of {call.method}() was not sent: {most} calls wait for one another already, each"
        " made by the handler of the one before, and more may not: look for a recursion without end",
    )


def _merged(call: _native.InboundCall, own: bytes, is_counted: bool, held: bytes) -> bytes:
    inherited = _counted(call, is_counted).holding(held)
    if not inherited.values and not inherited.chain and not inherited.depth:
        return own
    return read_metadata(own).over(inherited).encoded() if own else inherited.encoded()


_native.use_merge(_merged)
