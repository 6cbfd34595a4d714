"""What users see of the library itself: names, representations, tracebacks, what importing takes."""

from __future__ import annotations

import pickle
import pydoc
import sys
import traceback
from typing import Any, get_args, get_type_hints

import pytest
from children import Children
from either import Run

import ipcbridge as ipc
from ipcbridge import _native, aio

# What a program that imports the library and does nothing else with it can do without.
HEAVY = {
    *("argparse", "asyncio", "collections", "concurrent", "contextlib", "dataclasses", "datetime", "decimal", "enum"),
    *("functools", "importlib.metadata", "inspect", "ipcbridge._doctor", "json", "logging", "multiprocessing"),
    *("numpy", "queue", "re", "selectors", "signal", "socket", "ssl"),
    *("struct", "subprocess", "threading", "traceback", "typing"),
}


@pytest.mark.parametrize("module", [ipc, aio])
def test_the_public_names_are_those_that_are_documented(module: Any) -> None:
    names = {name for name in dir(module) if not name.startswith("_")}
    assert names - {"aio"} == set(module.__all__)
    for name in names:  # some are imported now
        getattr(module, name)
    reachable = {name for name in vars(module) if not name.startswith("_")}
    assert reachable - {"aio", "testing"} == set(module.__all__)  # modules, once they are imported
    for name in ("Any", "parts", "annotations"):
        assert not hasattr(module, name)


def test_public_classes_are_named_where_users_find_them() -> None:
    for module, name in ((ipc, "ipcbridge"), (aio, "ipcbridge.aio")):
        for each in ("Proxy", "Server"):
            assert getattr(module, each).__module__ == name
    for error in (ipc.IpcError, ipc.RemoteError, ipc.Unavailable, ipc.DeadlineExceeded):
        assert error.__module__ == "ipcbridge"
    assert type(pickle.loads(pickle.dumps(ipc.RemoteError("unknown", "x", type="KeyError")))) is ipc.RemoteError


def test_a_traceback_names_the_error_and_its_remote_type_and_none_of_the_library(serve: Any, connect: Any) -> None:
    def fail() -> None:
        raise KeyError("x")

    serve("calc", {"fail": fail})
    calc = connect("calc")
    with pytest.raises(ipc.RemoteError) as caught:
        calc.fail()
    assert str(caught.value) == "KeyError: 'x'"
    assert caught.value.message == "'x'"
    text = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
    assert "\nipcbridge.RemoteError: KeyError: 'x'\n" in text
    assert "/ipcbridge/" not in text.replace("/tests/", "")
    assert "in fail" in (caught.value.remote_traceback or "")


def test_an_argument_that_cannot_be_sent_is_told_without_the_library_s_frames(serve: Any, connect: Any) -> None:
    serve("calc", {"f": len})
    calc = connect("calc")
    with pytest.raises(ipc.IpcError) as caught:
        calc.f(object())
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames == ["test_an_argument_that_cannot_be_sent_is_told_without_the_library_s_frames"]


def add(a: int, b: int = 0) -> int:
    """Adds two numbers.

    Not more.
    """
    return a + b


def test_a_proxy_shows_its_methods(serve: Any, connect: Any) -> None:
    serve("calc", {"add": add, "math": {"sub": lambda a, b: a - b}})
    calc = connect("calc")
    assert repr(calc) == "<remote calc: add, math.sub>"
    assert repr(calc.math) == "<remote namespace math in calc: sub>"
    text = pydoc.plain(pydoc.render_doc(calc))
    assert "add(a, b=...)  Adds two numbers." in text
    assert "math.sub(a, b)" in text
    assert "sub(a, b)" in pydoc.plain(pydoc.render_doc(calc.math))
    assert "A service at the other end" in pydoc.plain(pydoc.render_doc(ipc.Proxy))
    ipc.close(calc)
    assert repr(calc) == "<remote calc, closed>"
    assert "remote calc, closed" in pydoc.plain(pydoc.render_doc(calc))
    while dir(calc):
        pass


def test_an_asyncio_proxy_shows_its_methods(serve: Any, run: Run) -> None:
    serve("calc", {"add": add})

    async def main() -> None:
        calc = await aio.connect("calc")
        assert repr(calc) == "<remote calc: add>"
        assert "add(...)" in pydoc.plain(pydoc.render_doc(calc))
        await aio.describe(calc)
        assert "add(a, b=...)  Adds two numbers." in pydoc.plain(pydoc.render_doc(calc))
        await aio.close(calc)
        assert repr(calc) == "<remote calc, closed>"

    run(main())


def test_a_service_of_many_methods_is_shown_in_short(serve: Any, connect: Any) -> None:
    serve("calc", {f"method_{number}": len for number in range(100)})
    assert repr(connect("calc")).endswith("method_19, and 80 more>")


def test_importing_the_library_imports_nothing_that_takes_long(children: Children) -> None:
    code = f"before = set(sys.modules); import ipcbridge; say(sorted((set(sys.modules) - before) & {HEAVY}))"
    child = children.run_bare(code)
    assert child.rest() == ("[]\n", "")


def test_whoever_only_calls_needs_no_thread_of_python_s(children: Children, serve: Any) -> None:
    serve("calc", {"add": add})
    child = children.run_bare(
        """
        import ipcbridge as ipc
        with ipc.connect("calc") as calc:
            say(calc.add(2, b=3))
        say("threading" in sys.modules)
        """
    )
    assert child.rest() == ("5\nFalse\n", "")


def test_the_codes_are_those_of_the_core_and_are_made_when_somebody_asks(children: Children) -> None:
    assert get_args(ipc.Code) == _native.CODES
    assert ipc.Code is aio.Code
    child = children.run_bare("import ipcbridge as ipc; say('Code' in dir(ipc)); say('cancelled' in ipc.Code.__args__)")
    assert child.rest() == ("True\nTrue\n", "")


@pytest.mark.skipif(sys.version_info < (3, 10), reason="the annotations have X | Y in them")
@pytest.mark.parametrize(
    "name", ["call", "close", "connect", "describe", "notify", "on_state", "stream", "with_options"]
)
def test_the_annotations_of_public_functions_can_be_evaluated(name: str) -> None:
    assert "return" in get_type_hints(getattr(ipc, name))
