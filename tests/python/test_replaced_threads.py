"""gevent and eventlet in place of Python's threads: calls would wait for each other for ever, so there are none."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from typing import Any

import pytest

import ipcbridge as ipc
from ipcbridge import aio

PATCHERS = {"gevent": ("gevent.monkey", "is_module_patched"), "eventlet": ("eventlet.patcher", "is_monkey_patched")}


@pytest.fixture(params=PATCHERS)
def replaced(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    module, question = PATCHERS[request.param]
    patcher = ModuleType(module)
    setattr(patcher, question, lambda what: what.startswith("thread"))
    monkeypatch.setitem(sys.modules, module, patcher)
    name: str = request.param
    return name


@pytest.mark.parametrize("use", [lambda: ipc.serve("calc", {"f": len}), lambda: ipc.connect("calc")])
def test_the_blocking_api_is_refused(use: Any, replaced: str) -> None:
    with pytest.raises(ipc.IpcError, match=f"{replaced} has replaced the threads") as caught:
        use()
    assert caught.value.code == "failed_precondition"


@pytest.mark.parametrize("use", [lambda: aio.serve("calc", {"f": len}), lambda: aio.connect("calc")])
def test_so_is_asyncio(use: Any, replaced: str) -> None:
    async def main() -> None:
        await use()

    with pytest.raises(ipc.IpcError, match=f"{replaced} has replaced the threads") as caught:
        asyncio.run(main())
    assert caught.value.code == "failed_precondition"
