"""What no item of a stream can hold yet is refused with the same words whoever makes the stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from either import Run

import ipcbridge as ipc
from ipcbridge import aio

REFERENCES = "references travel among arguments and in results, here they come in a later release"
NESTED = "a stream in an item of another: streams within streams come in a later release"


def items_of(kind: str) -> tuple[Any, str]:
    if kind == "stream":
        return (number for number in range(2)), NESTED
    return {"function": len, "retained": ipc.retain(len), "object": ipc.proxy(Path())}[kind], REFERENCES


class Service:
    def made(self, kind: str) -> Iterator[Any]:
        yield {"inner": items_of(kind)[0]}

    async def made_later(self, kind: str) -> AsyncIterator[Any]:
        yield {"inner": items_of(kind)[0]}

    def take(self, items: Any) -> list[Any]:
        return list(items)

    async def take_later(self, items: Any) -> list[Any]:
        return [item async for item in items]

    def ignore(self) -> None: ...


KINDS = ["function", "retained", "object", "stream"]


@pytest.mark.parametrize("method", ["made", "made_later"])
@pytest.mark.parametrize("kind", KINDS)
def test_in_a_result(serve_either: Any, connect: Any, method: str, kind: str) -> None:
    told: list[BaseException] = []
    serve_either("calc", Service(), on_error=lambda error, _method: told.append(error))
    with pytest.raises(ipc.RemoteError, match=r"yielded what cannot be sent: item\.inner cannot be sent: ") as caught:
        list(getattr(connect("calc"), method)(kind))
    assert items_of(kind)[1] in caught.value.message
    assert caught.value.code == "unimplemented"


@pytest.mark.parametrize("kind", KINDS)
def test_among_the_arguments(serve: Any, connect: Any, run: Run, kind: str) -> None:
    serve("calc", Service())
    expected = pytest.raises(ipc.RemoteError, match=rf"^.*item\.inner cannot be sent: .*{items_of(kind)[1]}")

    async def main() -> None:
        async with aio.connect("calc") as calc:
            for items in (Service().made(kind), Service().made_later(kind)):
                with expected as caught:
                    await calc.take_later(items)
                assert caught.value.code == "unimplemented"

    run(main())
    with expected as caught:
        connect("calc").take(Service().made(kind))
    assert caught.value.code == "unimplemented"


def test_in_metadata(serve: Any, connect: Any) -> None:
    serve("calc", Service())
    calc = connect("calc")
    for kind, code in (("function", "unimplemented"), ("object", "unimplemented"), ("stream", "invalid_argument")):
        with pytest.raises(ipc.IpcError, match=r"^metadata\.on cannot be sent: a (function|stream)") as caught:
            ipc.with_options(calc, metadata={"on": items_of(kind)[0]}).ignore()
        assert caught.value.code == code
