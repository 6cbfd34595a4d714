"""Whatever the other side says of itself, and whatever this machine lacks: the user gets an IpcError."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from either import Run

import ipcbridge as ipc
from ipcbridge import aio
from ipcbridge._options import CallOptions
from ipcbridge._serve import background
from ipcbridge._serve import service as _handlers
from ipcbridge._values import encode_result

DESCRIPTIONS: list[Any] = [None, 7, [1], {"service": "calc"}, {"methods": [1]}]


@pytest.mark.parametrize("description", DESCRIPTIONS)
def test_a_description_that_is_none(description: Any, serve: Any, connect: Any, monkeypatch: Any, run: Run) -> None:
    monkeypatch.setattr(_handlers, "describe_service", lambda *_: description)
    serve("calc", {"add": lambda a: a})
    calc = connect("calc")
    with pytest.raises(ipc.IpcError, match="asked for its methods") as caught:
        ipc.describe(calc)
    assert caught.value.code == "data_loss"
    assert "asked for its methods" in calc.add.__doc__

    async def main() -> None:
        with pytest.raises(ipc.IpcError, match="asked for its methods"):
            await aio.describe(await aio.connect("calc"))

    run(main())


def test_the_description_of_one_method_may_be_anything(serve: Any, connect: Any, monkeypatch: Any) -> None:
    for method in (7, [1], {"params": 3}, {"params": [{"name": 3}]}, {"params": [], "doc": 3, "signature": {}}):
        monkeypatch.setattr(_handlers, "describe_service", lambda *_, method=method: {"methods": {"add": method}})
        with serve("calc", {"add": lambda a: a}):
            assert isinstance(connect("calc").add.__doc__, str)


def test_metadata_that_are_no_mapping(serve_either: Any, connect: Any) -> None:
    serve_either("calc", {"ask": lambda: ipc.context().metadata})
    calc = connect("calc")
    forged = type(calc)(calc._remote, CallOptions(metadata=encode_result([1])), "")
    with pytest.raises(ipc.RemoteError, match="metadata") as caught:
        forged.ask()
    assert caught.value.code == "data_loss"


LACKS = {
    "can't start new thread": "resource_exhausted",
    "can't create new thread at interpreter shutdown": "failed_precondition",
}


@pytest.mark.parametrize("why", LACKS)
def test_no_thread_to_be_had(why: str, serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def asynchronous() -> None: ...

    first = serve("calc", {"asynchronous": asynchronous})
    calc = connect("calc")

    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError(why)

    background._stop()
    monkeypatch.setattr(first._process.teller, "_thread", type(first._process.teller._thread)(len, "none"))
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        for use in (
            lambda: ipc.serve("other", {"f": len}),
            lambda: ipc.on_state(calc, print),
            lambda: ipc.on_state(first, print),
            calc.asynchronous,
        ):
            with pytest.raises(ipc.IpcError) as caught:
                use()
            assert caught.value.code == LACKS[why]
    with pytest.raises(ipc.Unavailable):  # nothing is left of what could not be served
        ipc.connect("other", connect_timeout=0)
    calc.asynchronous()


@pytest.mark.parametrize("method", ["plain", "bad"])
def test_a_signature_that_cannot_be_shown_concerns_its_method_only(
    method: str, serve_either: Any, connect: Any
) -> None:
    class Bad:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    class Unsigned:
        __signature__ = property(lambda _self: 1 / 0)

        def __call__(self, x: int) -> int:
            return x

    def bad(x: Any = Bad()) -> int:  # noqa: B008
        """Doc of bad."""
        return 1

    serve_either("calc", {"bad": bad, "plain": lambda a, b=2: a, "unsigned": Unsigned()})
    calc = connect("calc")
    methods = ipc.describe(calc)["methods"]
    assert (methods["bad"]["signature"], methods["bad"]["doc"]) == ("(...)", "Doc of bad.")
    assert methods["plain"]["signature"] == "(a, b=2)"
    assert (calc.bad(), calc.unsigned(3)) == (1, 3)
    with pytest.raises(ipc.RemoteError, match="bad") as caught:
        calc.bad(1, 2)
    assert caught.value.code == "invalid_argument"
