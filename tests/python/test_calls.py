from __future__ import annotations

import threading
from typing import Any

import pytest
from children import Children

import ipcbridge as ipc


class Calc:
    """Arithmetic."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.arrived = threading.Event()

    def add(self, a: int, b: int = 0) -> int:
        """Adds two numbers."""
        return a + b

    def log(self, value: int) -> None:
        self.seen.append(value)
        self.arrived.set()

    def half(self, value: float) -> str:
        return f"{value / 2} {type(value).__name__}"

    def close(self, *args: Any, **kwargs: Any) -> list[Any]:
        return [list(args), kwargs]


def test_a_method_is_called_with_positional_and_keyword_arguments(address: str, serve: Any, connect: Any) -> None:
    serve(address, Calc())
    calc = connect(address)
    assert calc.add(2, 3) == 5
    assert calc.add(2, b=3) == 5
    assert calc.add(a=1) == 1


def test_a_method_of_another_process_is_called(address: str, children: Children, connect: Any) -> None:
    server = children.serve(address)
    calc = connect(address)
    assert calc.add(2, b=3) == 5
    assert calc.pid() == server.pid
    assert ipc.status(calc)["peer_pid"] == server.pid


def test_status_names_the_transport(address: str, children: Children, connect: Any) -> None:
    children.serve(address)
    calc = connect(address)
    calc.add(1)
    assert ipc.status(calc)["transport"] == ("unix" if address.startswith("unix:") else "shm")
    assert ipc.status(calc)["state"] == "ready"


@pytest.mark.parametrize("size", [0, 1, 1_000, 20_000, 100_000, 5_000_000])
def test_bytes_of_any_size_arrive_whole(address: str, children: Children, connect: Any, size: int) -> None:
    children.serve(address)
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    assert connect(address).echo(data) == data


def test_call_reaches_names_that_mean_something_here(serve: Any, connect: Any) -> None:
    serve("calc", Calc())
    calc = connect("calc")
    assert ipc.call(calc, "close", [1], {"b": 2}) == [[1], {"b": 2}]
    assert calc.close() == [[], {}]


@pytest.mark.parametrize("args", ["ab", b"ab", {"a": 1}, 5, None], ids=repr)
def test_call_takes_its_arguments_as_a_list(serve: Any, connect: Any, args: Any) -> None:
    serve("calc", {"count": lambda *args: len(args)})
    calc = connect("calc")
    with pytest.raises(ipc.IpcError, match="takes the arguments as a list") as refused:
        ipc.call(calc, "count", args)
    assert refused.value.code == "invalid_argument"
    assert ipc.call(calc, "count", (each for each in "ab")) == 2


def test_call_takes_the_name_of_the_method_first(serve: Any, connect: Any) -> None:
    serve("calc", Calc())
    with pytest.raises(ipc.IpcError, match="takes the name of the method"):
        ipc.call(connect("calc"), [1], "close")  # type: ignore[arg-type]


def test_notify_does_not_wait_for_the_handler(serve: Any, connect: Any) -> None:
    target = Calc()
    serve("calc", target)
    assert ipc.notify(connect("calc")).log(7) is True
    assert target.arrived.wait(10)
    assert target.seen == [7]


def test_describe_tells_signatures_and_docstrings(serve: Any, connect: Any) -> None:
    serve("calc", Calc())
    described = ipc.describe(connect("calc"))
    assert described["service"] == "calc"
    assert described["methods"]["add"] == {
        "signature": "(a: 'int', b: 'int' = 0) -> 'int'",
        "doc": "Adds two numbers.",
        "params": [
            {"name": "a", "required": True, "kind": "positional", "annotation": "int"},
            {"name": "b", "required": False, "kind": "positional", "annotation": "int"},
        ],
        "async": False,
    }
    assert [parameter["kind"] for parameter in described["methods"]["close"]["params"]] == ["rest", "kwrest"]


def test_an_integer_becomes_a_float_where_the_parameter_says_so(serve: Any, connect: Any) -> None:
    serve("calc", Calc())
    calc = connect("calc")
    assert calc.half(3) == calc.half(value=3) == "1.5 float"


def test_an_integer_stays_one_where_another_parameter_wants_a_float(serve: Any, connect: Any) -> None:
    def rest(*values: Any, scale: float = 1) -> list[str]:
        return [type(value).__name__ for value in (*values, scale)]

    def named(x: float, /, **more: Any) -> list[str]:
        return [type(value).__name__ for value in (x, *more.values())]

    serve("calc", {"rest": rest, "named": named})
    calc = connect("calc")
    assert calc.rest(1, 2, 3, scale=2) == ["int", "int", "int", "float"]
    assert calc.named(1, x=2) == ["float", "int"]


def test_a_handler_learns_of_its_call(serve: Any, connect: Any) -> None:
    def look() -> list[Any]:
        context = ipc.context()
        return [context.method, context.metadata, context.deadline, context.cancelled()]

    serve("calc", {"look": look})
    calc = connect("calc")
    assert calc.look() == ["look", {}, None, False]
    method, metadata, deadline, cancelled = ipc.with_options(calc, timeout=30, metadata={"user": "ann"}).look()
    assert (method, metadata, cancelled) == ("look", {"user": "ann"}, False)
    assert 0 < deadline <= 30


def test_context_is_refused_outside_of_handlers() -> None:
    with pytest.raises(ipc.IpcError, match="handlers") as caught:
        ipc.context()
    assert caught.value.code == "failed_precondition"


def test_async_handlers_run_under_a_blocking_server(serve: Any, connect: Any) -> None:
    import asyncio

    async def later(value: int) -> list[Any]:
        await asyncio.sleep(0)
        return [value, ipc.context().method]

    serve("calc", {"later": later})
    calc = connect("calc")
    assert calc.later(3) == [3, "later"]


def test_handlers_run_on_an_executor(serve: Any, connect: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1, thread_name_prefix="mine") as executor:
        where = {"where": lambda: [threading.current_thread().name, ipc.context().method]}
        serve("calc", where, executor=executor)
        assert connect("calc").where() == ["mine_0", "where"]
