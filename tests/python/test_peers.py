"""What a handler is told of who calls it."""

from __future__ import annotations

import os
from typing import Any

import pytest
from either import Run

import ipcbridge as ipc
from ipcbridge import aio


def _who() -> list[Any]:
    peer = ipc.context().peer
    return [peer.pid, peer.uid, peer.name, peer.language]


HERE = [os.getpid(), os.getuid()]


@pytest.mark.parametrize("name", ["billing", ""])
def test_a_blocking_client_is_seen_by_either_server(serve_either: Any, connect: Any, address: str, name: str) -> None:
    serve_either(address, {"who": _who})
    assert connect(address, name=name).who() == [*HERE, name or None, "python"]


def test_an_asyncio_client_is_seen_by_either_server(serve_either: Any, run: Run, address: str) -> None:
    serve_either(address, {"who": _who})

    async def main() -> None:
        async with aio.connect(address, name="billing") as calc:
            assert await calc.who() == [*HERE, "billing", "python"]

    run(main())


def test_another_process_is_seen(serve_either: Any, children: Any, address: str) -> None:
    serve_either(address, {"who": _who})
    child = children.run(f"""
        with ipc.connect({address!r}, name="child") as calc:
            say(calc.who() == [os.getpid(), os.getuid(), "child", "python"])
    """)
    child.expect("True")


def test_what_is_shown_of_it_names_it(serve_either: Any, connect: Any) -> None:
    serve_either("calc", {"shown": lambda: repr(ipc.context().peer)})
    shown = connect("calc", name="billing").shown()
    assert shown == f"<peer billing pid {os.getpid()} uid {os.getuid()} python>"


class NotThere(Exception): ...


def refuse() -> None:
    raise NotThere("x")


def test_a_registered_error_keeps_nobody_else_from_answering(serve: Any, connect: Any, run: Run) -> None:
    ipc.register_error(NotThere)
    serve("one", {"ask": lambda: 1})
    serve("two", {"ask": refuse}, on_error=lambda error, method: None)

    def shown(outcomes: list[Any]) -> list[Any]:
        return [(outcome.value, type(outcome.error)) for outcome in outcomes]

    async def main() -> list[Any]:
        async with aio.connect("one") as one, aio.connect("two") as two:
            return shown(await aio.fan_out([one, two]).ask())

    expected = [(1, type(None)), (None, NotThere)]
    assert shown(ipc.fan_out([connect("one"), connect("two")]).ask()) == expected
    assert run(main()) == expected


def test_a_fan_out_goes_through_namespaces(serve: Any, connect: Any, run: Run) -> None:
    serve("one", {"math": {"add": lambda a, b: a + b, "deep": {"one": lambda: 1}}})
    serve("two", {"math": {"add": lambda a, b: -a - b}})

    async def main() -> list[Any]:
        async with aio.connect("one") as one, aio.connect("two") as two:
            return [outcome.value for outcome in await aio.fan_out([one, two]).math.add(1, b=2)]

    both = ipc.fan_out([connect("one"), connect("two")])
    assert [outcome.value for outcome in both.math.add(1, b=2)] == [3, -3]
    assert run(main()) == [3, -3]
    first, second = both.math.deep.one()
    assert first.value == 1
    assert isinstance(second.error, AttributeError)


def test_the_name_of_a_client_that_has_none_is_none(serve: Any, connect: Any) -> None:
    serve("who", {"who": lambda: ipc.context().peer.name})
    assert connect("who").who() is None
    assert connect("who", name="me").who() == "me"
