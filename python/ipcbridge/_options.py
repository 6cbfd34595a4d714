"""What the public functions take, checked and turned into what the native module takes."""

from __future__ import annotations

import sys
from _collections_abc import Callable, Iterable, Mapping

from . import _native
from ._errors import IpcError
from ._metadata import Metadata, given_metadata, given_names, read_metadata
from ._shown import shown
from ._typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import datetime
    from concurrent.futures import Executor
    from typing import Union

    Seconds = Union[float, datetime.timedelta, None]
    Allow = Union[int, str]
else:
    Seconds = Allow = object


class Unset:
    """The type of an argument that was not given, where None means something."""

    def __repr__(self) -> str:  # which help() shows
        return "..."


UNSET = Unset()
FOREVER = -1
MAX_QUEUED_BYTES = _native.MAX_QUEUED_BYTES
_MAX_BYTES = 2**63 - 1
# Sizes within a message, and numbers of calls, have 32 bits, here as in Node.js.
_LIMITS = {
    "max_message_bytes": (_native.LEAST_LIMIT_BYTES, 2**32 - 1),
    "max_pending_calls": (1, 2**32 - 1),
    "stream_window_items": (1, 2**32 - 1),
    "stream_window_bytes": (1, 2**32 - 1),
    "max_pending_bytes": (_native.LEAST_LIMIT_BYTES, _MAX_BYTES),
    "max_bytes_per_user": (_native.LEAST_LIMIT_BYTES, _MAX_BYTES),
}
_MAX_PEER_NAME = 255  # bytes: docs/protocol.md, HELLO
_MAX_UID = 2**32 - 2
_TAKEOVERS = ("wait", "fail", "replace")


def _refuse(message: str) -> NoReturn:
    raise IpcError("invalid_argument", message)


def _check_flag(value: object, what: str) -> None:
    if not isinstance(value, bool):
        _refuse(f"{what} is True or False, not {shown(value)}")


def _check_integer(value: object, what: str, most: int, *, least: int = 0, spell: Callable[[int], str] = str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        _refuse(f"{what} is an integer from {least} to {spell(most)}, not {shown(value)}")


def microseconds(value: Seconds, what: str) -> int:
    """A duration in seconds for the native module: FOREVER for None and infinity."""
    if value is None:
        return FOREVER
    # There is no timedelta before somebody has imported its module, which takes long.
    if (times := sys.modules.get("datetime")) is not None and isinstance(value, times.timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        _refuse(f"{what} is seconds or a timedelta, not {type(value).__name__}")
    try:
        value = float(value)
    except OverflowError:
        _refuse(f"{what} is {shown(value)}, more seconds than a float holds: None means for ever")
    if not value >= 0:
        _refuse(f"{what} must not be negative or NaN")
    # Rounded up: half a microsecond is not 0, which would mean not to wait at all.
    return FOREVER if value > 1e12 else -int(-value * 1_000_000 // 1)


class CallOptions:
    """How calls are made."""

    __slots__ = ("flags", "idle_us", "metadata", "timeout_us")

    def __init__(
        self, timeout_us: int = FOREVER, flags: int = 0, metadata: bytes = b"", idle_us: int = FOREVER
    ) -> None:
        self.timeout_us = timeout_us
        self.flags = flags
        self.metadata = metadata
        self.idle_us = idle_us

    def native(self) -> tuple[int, int, bytes, int]:
        """As the native module takes it."""
        return self.timeout_us, self.flags, self.metadata, self.idle_us

    def replace(
        self,
        timeout: Seconds | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset | None = UNSET,
        idempotent: bool | None = None,
        wait_for_ready: bool | None = None,
        idle_timeout: Seconds | Unset = UNSET,
        pass_on: Iterable[str] | None = None,
    ) -> CallOptions:
        timeout_us, flags, encoded, idle_us = self.native()
        if not isinstance(timeout, Unset):
            timeout_us = microseconds(timeout, "timeout")
        if not isinstance(idle_timeout, Unset):
            idle_us = microseconds(idle_timeout, "idle_timeout")
        if not isinstance(metadata, Unset) or pass_on is not None:
            encoded = self._replace_metadata(metadata, pass_on)
        if idempotent is not None:
            _check_flag(idempotent, "idempotent")
            flags = _with(flags, _native.IDEMPOTENT, idempotent)
        if wait_for_ready is not None:
            _check_flag(wait_for_ready, "wait_for_ready")
            flags = _with(flags, _native.FAIL_FAST, not wait_for_ready)
        return CallOptions(timeout_us, flags, encoded, idle_us)

    def as_notification(self) -> CallOptions:
        return self._with_flags(self.flags | _native.NOTIFY)

    def as_submitted(self) -> CallOptions:
        return self._with_flags(self.flags | _native.SUBMIT)

    def as_submitted_on_loop(self) -> CallOptions:
        """The same where the loop of `async def` handlers awaits the call: it may pass generators and functions."""
        return self._with_flags(self.flags | _native.SUBMIT | _native.ON_LOOP)

    def as_awaited(self) -> CallOptions:
        """For what the library itself asks a service for."""
        return self._with_flags(self.flags & ~(_native.NOTIFY | _native.SUBMIT))

    def with_metadata(self, metadata: Metadata) -> CallOptions:
        """With these, and nothing that is inherited besides."""
        return CallOptions(self.timeout_us, self.flags | _native.WHOLE_METADATA, metadata.encoded(), self.idle_us)

    def _with_flags(self, flags: int) -> CallOptions:
        return CallOptions(self.timeout_us, flags, self.metadata, self.idle_us)

    def _replace_metadata(self, metadata: object, pass_on: object) -> bytes:
        own = read_metadata(self.metadata)
        values = own.values if isinstance(metadata, Unset) else given_metadata(metadata)
        return Metadata(values, own.names if pass_on is None else given_names(pass_on, values)).encoded()


def _with(flags: int, flag: int, on: bool) -> int:
    return flags | flag if on else flags & ~flag


def _listed(values: Iterable[Any] | None, what: str) -> list[Any]:
    given: object = values
    if given is None:
        return []
    if not isinstance(given, Iterable):
        _refuse(f"{what} is a list, not {shown(given)}")
    return list(given)


def _limits(limits: Mapping[str, int] | None) -> dict[str, int]:
    given: object = limits
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        _refuse("limits is a mapping with string keys")
    for name, value in given.items():
        least, most = _LIMITS.get(name, (0, _MAX_BYTES))
        _check_integer(value, f"limits: {shown(name)[1:-1]}", most, least=least)
    return dict(given)


def allow_list(allow: Iterable[Allow] | None) -> tuple[list[int], list[int]]:
    """The uids and gids of `allow`: a uid, a user's name, or 'group:NAME'."""
    uids: list[int] = []
    names: list[str] = []
    if isinstance(allow, (str, int)):
        allow = [allow]
    for entry in _listed(allow, "allow"):
        if isinstance(entry, int) and not isinstance(entry, bool) and 0 <= entry <= _MAX_UID:
            uids.append(entry)
        elif isinstance(entry, str) and entry:
            names.append(entry)
        else:
            _refuse(f"allow: {shown(entry)} is neither a uid, a user nor 'group:NAME'")
    more_uids, gids = _native.find_accounts(names)
    return uids + more_uids, gids


def _check_method(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        _refuse(f"no method can have the name {name!a}: a lone surrogate, which UTF-8 cannot carry")


def _check_peer_name(name: object) -> None:
    if not isinstance(name, str) or len(name.encode(errors="replace")) > _MAX_PEER_NAME:
        _refuse(f"name is a string of at most {_MAX_PEER_NAME} bytes, not {shown(name)}")


def connect_arguments(
    address: str | Iterable[str],
    connect_timeout: Seconds,
    max_queued_bytes: int,
    limits: Mapping[str, int] | None,
    allow: Iterable[Allow] | None,
    name: str,
    lazy: bool,
) -> dict[str, Any]:
    """The keyword arguments of the native connect()."""
    _check_peer_name(name)
    if not isinstance(lazy, bool):
        _refuse(f"lazy is True or False, not {shown(lazy)}")
    addresses = [address] if isinstance(address, str) else _listed(address, "an address that is no string")
    if address is None or not all(isinstance(each, str) for each in addresses):
        _refuse("an address is a string, or a list of strings")
    _check_integer(max_queued_bytes, "max_queued_bytes", _MAX_BYTES)
    return {
        "addresses": addresses,
        "connect_timeout_us": microseconds(connect_timeout, "connect_timeout"),
        "max_queued_bytes": max_queued_bytes,
        "limits": _limits(limits),
        "allow": allow_list(allow),
        "name": name,
        "lazy": lazy,
    }


def serve_arguments(
    name: str,
    methods: list[str],
    serial_groups: list[int],
    takeover: str,
    takeover_timeout: Seconds,
    allow: Iterable[Allow] | None,
    mode: int,
    limits: Mapping[str, int] | None,
    shared: bool,
) -> dict[str, Any]:
    """The keyword arguments of the native serve()."""
    if takeover not in _TAKEOVERS:
        _refuse(f"takeover is 'wait', 'fail' or 'replace', not {shown(takeover)}")
    _check_flag(shared, "shared")
    _check_integer(mode, "mode", 0o777, spell=oct)
    for method in methods:
        _check_method(method)
    return {
        "address": name,
        "methods": methods,
        "serial_groups": serial_groups,
        "takeover": takeover,
        "takeover_timeout_us": microseconds(takeover_timeout, "takeover_timeout"),
        "limits": _limits(limits),
        "allow": allow_list(allow),
        "mode": mode,
        "shared": shared,
    }


def check_service(name: str, threads: int, serial: bool, executor: Executor | None) -> int:
    """Checks what concerns handlers, and the name before all else; returns the number of threads."""
    given: object = name
    if not isinstance(given, str):
        _refuse("the name of a service is a string")
    _native.socket_path(name)
    _check_flag(serial, "serial")
    if executor is not None and not callable(getattr(executor, "submit", None)):
        _refuse(f"executor is a concurrent.futures.Executor, not {shown(executor)}")
    processes = sys.modules.get("concurrent.futures.process")
    if processes is not None and isinstance(executor, processes.ProcessPoolExecutor):
        _refuse("executor runs handlers in this process: call the ProcessPoolExecutor from a handler")
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= _native.MAX_THREADS:
        _refuse(f"threads is a number from 1 to {_native.MAX_THREADS}")
    return 1 if serial else threads
