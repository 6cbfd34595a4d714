"""What the public functions take, checked and turned into what the native module takes."""

from __future__ import annotations

import grp
import math
import pwd
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple, Union

from . import _later, _native
from ._errors import IpcError
from ._values import encode_result

Seconds = Union[float, timedelta, None]
Allow = Union[int, str]


class Unset:
    """The type of an argument that was not given, where None means something."""


UNSET = Unset()
FOREVER = -1
MAX_QUEUED_BYTES = 256 * 1024 * 1024


def microseconds(value: Seconds, what: str) -> int:
    """A duration in seconds for the native module: FOREVER for None and infinity."""
    if value is None:
        return FOREVER
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise IpcError("invalid_argument", f"{what} is seconds or a timedelta, not {type(value).__name__}")
    if math.isnan(value) or value < 0:
        raise IpcError("invalid_argument", f"{what} must not be negative or NaN")
    # Half a microsecond is not 0, which would mean not to wait at all.
    return FOREVER if value > 1e12 else math.ceil(value * 1_000_000)


class CallOptions(NamedTuple):
    """How calls are made, as the native module takes it."""

    timeout_us: int = FOREVER
    flags: int = 0
    metadata: bytes = b""

    def replace(
        self,
        timeout: Seconds | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset | None = UNSET,
        idempotent: bool | None = None,
        wait_for_ready: bool | None = None,
    ) -> CallOptions:
        timeout_us, flags, encoded = self
        if not isinstance(timeout, Unset):
            timeout_us = microseconds(timeout, "timeout")
        if not isinstance(metadata, Unset):
            encoded = _encode_metadata(metadata)
        if idempotent is not None:
            flags = _with(flags, _native.IDEMPOTENT, idempotent)
        if wait_for_ready is not None:
            flags = _with(flags, _native.FAIL_FAST, not wait_for_ready)
        return CallOptions(timeout_us, flags, encoded)

    def as_notification(self) -> CallOptions:
        return self._replace(flags=self.flags | _native.NOTIFY)


def _with(flags: int, flag: int, on: bool) -> int:
    return flags | flag if on else flags & ~flag


def _encode_metadata(metadata: Mapping[str, Any] | None) -> bytes:
    if not metadata:
        return b""
    if not isinstance(metadata, Mapping) or not all(isinstance(key, str) for key in metadata):
        raise IpcError("invalid_argument", "metadata is a mapping with string keys")
    return encode_result(dict(metadata))


def allow_list(allow: Iterable[Allow] | None) -> tuple[list[int], list[int]]:
    """The uids and gids of `allow`: a uid, a user's name, or 'group:NAME'."""
    uids: list[int] = []
    gids: list[int] = []
    if isinstance(allow, (str, int)):
        allow = [allow]
    for entry in allow or ():
        if isinstance(entry, int) and not isinstance(entry, bool):
            uids.append(entry)
        elif not isinstance(entry, str):
            raise IpcError("invalid_argument", f"allow: {entry!r} is neither a uid, a user nor 'group:NAME'")
        else:
            try:
                if entry.startswith("group:"):
                    gids.append(grp.getgrnam(entry[len("group:") :]).gr_gid)
                else:
                    uids.append(pwd.getpwnam(entry).pw_uid)
            except KeyError:
                raise IpcError("invalid_argument", f"allow: there is no {entry!r} on this machine") from None
    return uids, gids


def connect_arguments(
    address: str | Iterable[str],
    connect_timeout: Seconds,
    max_queued_bytes: int,
    limits: Mapping[str, int] | None,
    allow: Iterable[Allow] | None,
) -> dict[str, Any]:
    """The keyword arguments of the native connect()."""
    addresses = [address] if isinstance(address, str) else list(address)
    if not all(isinstance(each, str) for each in addresses):
        raise IpcError("invalid_argument", "an address is a string, or a list of strings")
    return {
        "addresses": addresses,
        "connect_timeout_us": microseconds(connect_timeout, "connect_timeout"),
        "max_queued_bytes": max_queued_bytes,
        "limits": dict(limits or {}),
        "allow": allow_list(allow),
    }


def serve_arguments(
    name: str,
    methods: list[str],
    takeover: str,
    takeover_timeout: Seconds,
    allow: Iterable[Allow] | None,
    mode: int,
    limits: Mapping[str, int] | None,
    expose: Iterable[str] | None,
) -> dict[str, Any]:
    """The keyword arguments of the native serve()."""
    if expose is not None:
        raise IpcError("unimplemented", _later.EXPOSE)
    if not isinstance(name, str):
        raise IpcError("invalid_argument", "the name of a service is a string")
    return {
        "address": name,
        "methods": methods,
        "takeover": takeover,
        "takeover_timeout_us": microseconds(takeover_timeout, "takeover_timeout"),
        "limits": dict(limits or {}),
        "allow": allow_list(allow),
        "mode": mode,
    }


def check_threads(threads: int, serial: bool) -> int:
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= 1024:
        raise IpcError("invalid_argument", "threads is a number from 1 to 1024")
    return 1 if serial else threads
