"""More values than a message may hold: only that call fails. Peers that send them all the same are in tests/cross."""

from __future__ import annotations

from typing import Any

import pytest

import ipcbridge as ipc

MAX_WEIGHT = 8_388_608


def sent(proxy: Any, *args: Any) -> ipc.IpcError:
    with pytest.raises(ipc.IpcError) as caught:
        proxy.echo(*args)
    assert caught.value.code == "resource_exhausted"
    return caught.value


def test_the_sender_refuses_what_is_too_large(serve: Any, connect: Any) -> None:
    serve("calc", {"echo": lambda value: [None] * MAX_WEIGHT if value == 0 else value})
    proxy = connect("calc")
    assert not isinstance(sent(proxy, [None] * MAX_WEIGHT), ipc.RemoteError)
    assert isinstance(sent(proxy, 0), ipc.RemoteError)
    assert proxy.echo(1) == 1
