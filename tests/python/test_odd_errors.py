"""Exceptions that cannot be told as others are: their calls are answered, and the service goes on."""

from __future__ import annotations

import time
from typing import Any

import pytest

import ipcbridge as ipc


class Unfinished(ipc.IpcError):
    """Does not call IpcError.__init__()."""

    def __init__(self, what: str) -> None:
        self.what = what


class Recursing(Exception):
    """Asks itself for what it delegates to."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Raising(ipc.IpcError):
    """Raises whatever of it is looked at."""

    def __init__(self) -> None: ...

    def _fail(self) -> Any:
        raise SystemExit("looked at")

    code = details = __cause__ = __context__ = __suppress_context__ = property(_fail)  # type: ignore[assignment]
    __str__ = __repr__ = _fail


class Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no name")


class OfNoName(Exception, metaclass=Nameless):
    pass


class OddCode(ipc.IpcError):
    def __init__(self) -> None:
        self.code = ["not", "hashable"]  # type: ignore[assignment]


class Disguised(Exception):
    """Raises when isinstance() asks for its class."""

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no class")


ODD: dict[str, Any] = {
    "unfinished": lambda: Unfinished("x"),
    "recursing": lambda: Recursing("x"),
    "raising": Raising,
    "of no name": lambda: OfNoName("x"),
    "odd code": OddCode,
    "disguised": lambda: Disguised("x"),
    "generator exit": lambda: GeneratorExit("x"),
}


def answers(make: Any) -> dict[str, Any]:
    def plain() -> None:
        raise make()

    async def asynchronous() -> None:
        raise make()

    def caused() -> None:
        raise ValueError("outer") from make()

    return {"plain": plain, "asynchronous": asynchronous, "caused": caused, "ok": lambda: "ok"}


@pytest.mark.parametrize("options", [{}, {"serial": True}], ids=["parallel", "serial"])
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_exception_is_an_answer(odd: str, options: dict[str, Any], serve_either: Any, connect: Any) -> None:
    serve_either("calc", answers(ODD[odd]), threads=1, **options)
    calc = ipc.with_options(connect("calc"), timeout=20)
    for method in (calc.plain, calc.asynchronous, calc.caused, calc.plain):
        with pytest.raises(ipc.RemoteError) as caught:
            method()
        assert caught.value.code == "unknown"
    assert calc.ok() == "ok"


def test_an_exception_that_cannot_be_printed_is_logged(
    serve: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    serve("calc", answers(ODD["recursing"]))
    with pytest.raises(ipc.RemoteError) as caught:
        connect("calc").plain()
    assert str(caught.value) == "Recursing: x"
    while "Recursing" not in caplog.text:
        time.sleep(0.001)
    assert "plain()" in caplog.text
