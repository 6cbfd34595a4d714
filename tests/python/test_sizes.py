"""A peer sends more values than a message may hold, or keys of one hash: only that call fails."""

from __future__ import annotations

import struct
import sys
from typing import Any

import pytest

import ipcbridge as ipc
from ipcbridge import _client, _handlers
from ipcbridge._values import encode_result

MAX_WEIGHT = 8_388_608
TOO_MANY = b"\xdd" + MAX_WEIGHT.to_bytes(4, "big") + b"\xc0" * MAX_WEIGHT
ONE = b"\x91\x01"
_KEYS = encode_result([k * sys.hash_info.modulus for k in range(1 << 62, (1 << 62) + 1000)])
ALIKE = b"\xc8" + struct.pack(">Hb", len(_KEYS), 2) + _KEYS  # a set


def sent(proxy: Any, *args: Any) -> ipc.IpcError:
    with pytest.raises(ipc.IpcError) as caught:
        proxy.echo(*args)
    assert caught.value.code == "resource_exhausted"
    return caught.value


@pytest.mark.parametrize("argument", [TOO_MANY, ALIKE], ids=["too many values", "keys of one hash"])
def test_arguments_over_the_bounds_fail_their_call_alone(
    argument: bytes, serve_either: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_client, "encode_args", lambda args, kwargs: b"\x91" + argument if args == (0,) else ONE)
    server = serve_either("calc", {"echo": lambda value: value})
    hostile, good = connect("calc"), connect("calc")
    for _ in range(2):
        assert isinstance(sent(hostile, 0), ipc.RemoteError)
    assert hostile.echo(1) == 1
    assert good.echo(1) == 1
    assert server.status()["connections"] == 2


@pytest.mark.parametrize("result", [TOO_MANY, ALIKE], ids=["too many values", "keys of one hash"])
def test_a_result_over_the_bounds_fails_its_call_alone(
    result: bytes, serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_handlers, "encode_result", lambda value: result if value == 0 else encode_result(value))
    serve("calc", {"echo": lambda value: value})
    proxy = connect("calc")
    assert not isinstance(sent(proxy, 0), ipc.RemoteError)
    assert proxy.echo(1) == 1


def test_the_sender_refuses_what_is_too_large(serve: Any, connect: Any) -> None:
    serve("calc", {"echo": lambda value: [None] * MAX_WEIGHT if value == 0 else value})
    proxy = connect("calc")
    assert not isinstance(sent(proxy, [None] * MAX_WEIGHT), ipc.RemoteError)
    assert isinstance(sent(proxy, 0), ipc.RemoteError)
    assert proxy.echo(1) == 1
