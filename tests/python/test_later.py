"""What comes with a later release says so, wherever it is met."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import ipcbridge as ipc
from ipcbridge import aio

LATER = {
    "an exception": (lambda: ValueError("no"), "exceptions"),
}


class Service:
    def echo(self, value: Any = None, **more: Any) -> Any:
        return value

    def result(self, what: str) -> Any:
        return [LATER[what][0]()]

    async def async_result(self, what: str) -> Any:
        return [LATER[what][0]()]


def unimplemented(call: Callable[[], object]) -> str:
    with pytest.raises(ipc.IpcError, match="later release") as caught:
        call()
    assert caught.value.code == "unimplemented"
    return str(caught.value)


class InAsyncio:
    """Calls made on an asyncio loop, to a service on it, as if they were blocking."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        async def call(*args: Any, **kwargs: Any) -> object:
            async with await aio.serve("calc", Service()), await aio.connect("calc") as calc:
                return await getattr(calc, name)(*args, **kwargs)

        return lambda *args, **kwargs: asyncio.run(call(*args, **kwargs))


@pytest.fixture(params=["blocking", "asyncio"])
def calc(request: pytest.FixtureRequest, serve: Any, connect: Any) -> Any:
    if request.param == "asyncio":
        return InAsyncio()
    serve("calc", Service())
    return connect("calc")


@pytest.mark.parametrize("what", LATER)
def test_in_arguments(calc: Any, what: str) -> None:
    make, kind = LATER[what]
    assert unimplemented(lambda: calc.echo([{"x": make()}])).startswith(
        f"args[0][0].x cannot be sent: {what.split()[0]}"
    )
    assert kind in unimplemented(lambda: calc.echo(more=make()))


@pytest.mark.parametrize("what", LATER)
def test_in_results(calc: Any, what: str) -> None:
    for name in ("result", "async_result"):
        said = unimplemented(lambda name=name: getattr(calc, name)(what))
        assert said.startswith(f"{name}() returned what cannot be sent: result[0] cannot be sent: ")
