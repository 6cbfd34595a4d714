"""An error shows the user's lines, and of this library at most the function that was called."""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import pytest

import ipcbridge as ipc
from ipcbridge import aio

LIBRARY = os.path.dirname(ipc.__file__) + os.sep


def library_frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [frame.name for frame in frames if frame.filename.startswith(LIBRARY)]


Use = Callable[[Any], object]
WITHOUT_A_FRAME: dict[str, Use] = {
    "an attribute": lambda calc: calc.nope,
    "an attribute of a namespace": lambda calc: calc.math.nope,
    "an attribute of a closed client": lambda calc: (ipc.close(calc), calc.nope),
    "a call": lambda calc: calc.add("a"),
}


@pytest.mark.parametrize("use", WITHOUT_A_FRAME.values(), ids=WITHOUT_A_FRAME)
def test_nothing_of_the_library(use: Use, serve: Any, connect: Any) -> None:
    serve("calc", {"add": lambda a: a + 1, "math": {"add": len}})
    calc = connect("calc")
    assert calc.math.add("ab") == 2
    with pytest.raises((AttributeError, ipc.IpcError)) as caught:
        use(calc)
    assert library_frames(caught.value) == []


WITH_ONE_FRAME: dict[str, tuple[str, Use]] = {
    "nobody serves": ("connect", lambda _: ipc.connect("nobody", connect_timeout=0)),
    "connect's option": ("connect", lambda _: ipc.connect("calc", connect_timeout="x")),  # type: ignore[arg-type]
    "nothing to serve": ("serve", lambda _: ipc.serve("mine", {})),
    "serve's option": ("serve", lambda _: ipc.serve("mine", {"f": len}, threads=0)),
    "an address of serve": ("serve", lambda _: ipc.serve("unix:///nowhere/at/all", {"f": len})),
    "an option of calls": ("with_options", lambda calc: ipc.with_options(calc, timeout="x")),  # type: ignore[arg-type]
    "metadata": ("with_options", lambda calc: ipc.with_options(calc, metadata={"a": object()})),
    "notify": ("notify", lambda _: ipc.notify(5)),  # type: ignore[type-var]
    "close": ("close", lambda _: ipc.close(5)),  # type: ignore[arg-type]
    "a method that is not there": ("call", lambda calc: ipc.call(calc, "nope")),
    "arguments of call": ("call", lambda calc: ipc.call(calc, "add", 5)),  # type: ignore[arg-type]
    "an argument": ("call", lambda calc: ipc.call(calc, "add", [object()])),
    "describe": ("describe", lambda _: ipc.describe(5)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("name", "use"), WITH_ONE_FRAME.values(), ids=WITH_ONE_FRAME)
def test_the_function_that_was_called(name: str, use: Use, serve: Any, connect: Any) -> None:
    serve("calc", {"add": len})
    calc = connect("calc")
    with pytest.raises(ipc.IpcError) as caught:
        use(calc)
    assert library_frames(caught.value) == [name]


ASYNC: dict[str, tuple[list[str], Callable[[Any], Awaitable[object]]]] = {
    "an attribute": ([], lambda calc: calc.nope),
    "a call": ([], lambda calc: calc.add(5)),
    "nobody serves": (["connect"], lambda _: aio.connect("nobody", connect_timeout=0)),
    "connect's option": (["connect"], lambda _: aio.connect("calc", connect_timeout="x")),  # type: ignore[arg-type]
    "entering": (["__aenter__"], lambda _: aio.connect("nobody", connect_timeout=0).__aenter__()),
    "nothing to serve": (["serve"], lambda _: aio.serve("mine", {})),
    "a name that is taken": (["serve"], lambda _: aio.serve("calc", {"f": len}, takeover="fail")),
    "a method that is not there": (["call"], lambda calc: aio.call(calc, "nope")),
    "arguments of call": (["call"], lambda calc: aio.call(calc, "add", 5)),  # type: ignore[arg-type]
    "describe": (["describe"], lambda _: aio.describe(5)),  # type: ignore[arg-type]
    "close": (["close"], lambda _: aio.close(5)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("names", "use"), ASYNC.values(), ids=ASYNC)
def test_under_asyncio(names: list[str], use: Callable[[Any], Awaitable[object]], serve: Any) -> None:
    async def main() -> BaseException:
        async with aio.connect("calc") as calc:
            with pytest.raises((AttributeError, ipc.IpcError)) as caught:
                await use(calc)
            return caught.value

    serve("calc", {"add": len})
    assert library_frames(asyncio.run(main())) == names


def test_code_of_the_user_s_that_raises_is_shown(serve: Any, connect: Any) -> None:
    class Failing(Mapping[str, int]):
        def __getitem__(self, key: str) -> int:
            raise NotImplementedError

        def __len__(self) -> int:
            return 1

        def __iter__(self) -> Iterator[str]:
            raise KeyError("mine")

    serve("calc", {"add": len})
    with pytest.raises(KeyError) as caught:
        ipc.with_options(connect("calc"), metadata=Failing())
    assert library_frames(caught.value) == ["with_options"]
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "__iter__"
