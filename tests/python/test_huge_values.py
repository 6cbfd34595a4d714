"""A wrong option is refused whatever it is, and shown in short."""

from __future__ import annotations

from typing import Any

import pytest

import ipcbridge as ipc


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


USES: dict[str, Any] = {
    "limits": lambda it: ipc.connect("calc", limits={"max_pending_calls": it}),
    "max_queued_bytes": lambda it: ipc.connect("calc", max_queued_bytes=it),
    "timeout": lambda it: ipc.with_options(ipc.connect("calc"), timeout=it),
    "connect_timeout": lambda it: ipc.connect("calc", connect_timeout=it),
    "idempotent": lambda it: ipc.with_options(ipc.connect("calc"), idempotent=it),
    "an address": lambda it: ipc.connect(it),
    "mode": lambda it: ipc.serve("other", {"f": abs}, mode=it),
    "takeover": lambda it: ipc.serve("other", {"f": abs}, takeover=it),
    "allow": lambda it: ipc.serve("other", {"f": abs}, allow=[it]),
    "threads": lambda it: ipc.serve("other", {"f": abs}, threads=it),
    "executor": lambda it: ipc.serve("other", {"f": abs}, executor=it),
    "on_error": lambda it: ipc.serve("other", {"f": abs}, on_error=it),
    "a method's name": lambda it: ipc.serve("other", {it: abs}),
    "a listener": lambda it: ipc.on_state(ipc.connect("calc"), it),
}


@pytest.mark.parametrize("wrong", [10**5000, Unshowable()], ids=["huge", "unshowable"])
@pytest.mark.parametrize("use", USES)
def test_it_is_an_invalid_argument(use: str, wrong: Any, serve: Any) -> None:
    serve("calc", {"f": abs})
    with pytest.raises(ipc.IpcError) as caught:
        USES[use](wrong)
    assert caught.value.code == "invalid_argument"
    assert len(str(caught.value)) < 200
