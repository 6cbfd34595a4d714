"""aio.connect(lazy=True) connects with the first call, on each event loop."""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from children import Children
from either import Loop, Run

import ipcbridge as ipc
from ipcbridge import aio

SERVICE = {"add": lambda a, b=0: a + b, "math": {"twice": lambda x: 2 * x, "deep": {"half": lambda x: x / 2}}}


@pytest.fixture(params=["shm", "unix"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}://{tmp_path}/calc.socket"


@pytest.fixture
def calc(address: str) -> Any:
    """Made where no loop runs."""
    return aio.connect(address, lazy=True)


@pytest.fixture
def server(address: str) -> Iterator[ipc.Server]:
    with ipc.serve(address, SERVICE) as server:
        yield server


def test_nothing_happens_before_the_first_call(run: Run, address: str, calc: Any) -> None:
    async def main() -> None:
        assert aio.status(calc)["state"] == "disconnected"
        async with aio.serve(address, SERVICE) as server:
            assert server.status()["connections"] == 0
            assert await calc.add(2, b=3) == 5
            assert aio.status(calc)["state"] == "ready"
            assert server.status()["connections"] == 1

    run(main())
    assert aio.status(calc)["state"] == "disconnected", "where no loop runs"


def test_its_status_has_the_keys_of_any(address: str, calc: Any) -> None:
    with ipc.connect(address, lazy=True) as blocking:
        assert aio.status(calc) == ipc.status(blocking)
    both = [address, f"{address}2"]
    with ipc.connect(both, lazy=True) as blocking:
        assert aio.status(aio.connect(both, lazy=True)) == ipc.status(blocking)


def test_each_loop_has_a_connection_of_its_own(run: Run, server: ipc.Server, calc: Any) -> None:
    async def main() -> None:
        assert await asyncio.gather(*(calc.add(number) for number in range(100))) == list(range(100))
        assert server.status()["connections"] == 1

    add = calc.add
    for _ in range(3):  # as the tests of pytest-asyncio
        run(main())
        assert asyncio.run(_result_of(add, 1)) == 1


async def _result_of(method: Any, *args: Any) -> Any:
    return await method(*args)


def test_loops_of_several_threads_call_at_once(server: ipc.Server, calc: Any) -> None:
    loops = [Loop("asyncio"), Loop("uvloop")]
    try:
        assert [loop.run(_result_of(calc.add, 1)) for loop in loops] == [1, 1]
        assert server.status()["connections"] == 2
        assert [loop.run(_result_of(calc.math.twice, 2)) for loop in loops] == [4, 4]
    finally:
        for loop in loops:
            loop.end()


def test_a_service_may_be_another_one_on_the_next_loop(run: Run, address: str, calc: Any) -> None:
    async def main(offered: Any, *called: str) -> None:
        async with aio.serve(address, offered):
            for name in called:
                assert await aio.call(calc, name) == name
                assert await getattr(calc, name)() == name
            assert dir(calc) == list(called)

    run(main({"one": lambda: "one"}, "one"))
    run(main({"other": lambda: "other"}, "other"))


@pytest.mark.usefixtures("server")
def test_whatever_is_asked_for_may_be_there_until_the_service_is_heard_of(run: Run, calc: Any) -> None:
    none, add = calc.none, calc.add
    assert calc.add is add

    async def main() -> None:
        assert await calc.math.deep.half(4) == 2
        with pytest.raises(ipc.IpcError) as raised:
            await none()
        assert raised.value.code == "unimplemented"
        with pytest.raises(AttributeError, match="has no 'none'"):
            _ = calc.none
        assert dir(calc) == ["add", "math"]
        assert await add(1, b=1) == 2  # what was taken before still calls
        assert await calc.math.twice(4) == 8

    run(main())


@pytest.mark.usefixtures("server")
def test_its_methods_tell_of_themselves(run: Run, calc: Any) -> None:
    async def main() -> None:
        await calc.add(1)
        assert repr(calc.add) == "<remote method add>"
        assert calc.math.twice.__name__ == "twice"
        assert "fetches the documentation" in calc.add.__doc__
        await aio.describe(calc)
        assert str(inspect.signature(calc.add)) == "(a, b=...)"

    run(main())


@pytest.mark.usefixtures("server")
def test_its_views_are_lazy_too(run: Run, address: str) -> None:
    def lazily() -> Any:
        return aio.connect(address, lazy=True)

    impatient = aio.with_options(lazily(), timeout=5)

    async def main() -> None:
        assert await impatient.math.twice(2) == 4
        assert await aio.notify(lazily()).add(1) is True
        assert await aio.call(lazily(), "add", [1], {"b": 2}) == 3
        assert set((await aio.describe(lazily()))["methods"]) == {"add", "math.twice", "math.deep.half"}

    run(main())


def test_the_first_call_waits_for_connect_timeout_and_the_next_tries_anew(run: Run, address: str) -> None:
    calc = aio.connect(address, lazy=True, connect_timeout=0.05)

    async def main() -> None:
        with pytest.raises(ipc.Unavailable, match="no service at") as raised:
            await calc.add(1)
        assert raised.value.sent == "no"
        assert aio.status(calc)["state"] == "disconnected"
        async with aio.serve(address, SERVICE):
            assert await calc.add(1) == 1

    run(main())


@pytest.mark.usefixtures("server")
def test_close_is_for_the_running_loop(run: Run, calc: Any) -> None:
    async def main() -> None:
        async with calc as entered:
            assert entered is calc
            assert await calc.add(1) == 1
        with pytest.raises(ipc.IpcError, match="closed"):
            await calc.add(1)
        await aio.close(calc)

    run(main())
    run(main())  # as an application that is started once more


@pytest.mark.usefixtures("server")
def test_one_that_is_closed_before_its_first_call_does_not_connect(run: Run, calc: Any) -> None:
    async def main() -> None:
        add = calc.add
        await aio.close(calc)
        with pytest.raises(ipc.IpcError, match="closed"):
            await add(1)
        assert aio.status(calc)["state"] == "closed"

    run(main())


@pytest.mark.usefixtures("server")
def test_its_states_are_told(run: Run, calc: Any) -> None:
    states: list[str] = []
    unsubscribe = aio.on_state(calc, lambda state, _: states.append(state))

    async def main() -> None:
        await calc.add(1)

    run(main())
    assert states == ["connecting", "ready"]
    unsubscribe()
    run(main())
    assert states == ["connecting", "ready"]


def test_what_it_serves_is_served_on_each_loop(run: Run, address: str) -> None:
    async def ask() -> Any:
        return await aio.context().peer.remote.name()

    async def main() -> None:
        async with aio.serve(address, {"ask": ask}):
            assert await calc.ask() == "mine"

    calc = aio.connect(address, lazy=True, serve={"name": lambda: "mine"})
    run(main())
    run(main())


@pytest.mark.usefixtures("server")
def test_its_middleware_runs_on_each_loop(run: Run, address: str) -> None:
    def plus_one(call: Any, next_one: Any) -> Any:
        call.args = (call.args[0] + 1,)
        return next_one(call)

    calc = aio.connect(address, lazy=True, middleware=plus_one)
    assert run(_result_of(calc.add, 1)) == 2
    assert run(_result_of(calc.add, 2)) == 3


@pytest.mark.usefixtures("server")
def test_it_needs_a_loop_that_runs(calc: Any) -> None:
    for use in (lambda: calc.add(1), lambda: aio.call(calc, "add", [1])):
        with pytest.raises(ipc.IpcError, match="call it in a coroutine") as raised:
            use()
        assert raised.value.code == "failed_precondition"
    with pytest.raises(ipc.IpcError, match="call it in a coroutine"):
        threading_result(lambda: calc.add(1))


def threading_result(work: Any) -> Any:
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    raise raised[0]


def test_it_shows_what_it_is(address: str, calc: Any) -> None:
    assert repr(calc) == f"<remote {address}, disconnected>"
    assert repr(calc.math.deep) == f"<remote math.deep in {address}, disconnected>"
    with pytest.raises(AttributeError):
        _ = calc._hidden


@pytest.mark.usefixtures("server")
def test_loops_that_have_ended_are_not_kept(run: Run, calc: Any) -> None:
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def main() -> None:
        assert await calc.add(1) == 1
        loops.append(weakref.ref(asyncio.get_running_loop()))

    for _ in range(3):
        run(main())
    gc.collect()
    assert [loop() for loop in loops[:2]] == [None, None]


def test_one_that_is_dropped_disconnects(run: Run, address: str) -> None:
    async def main() -> None:
        async with aio.serve(address, SERVICE) as server:
            assert await aio.connect(address, lazy=True).add(1) == 1
            gc.collect()
            while server.status()["connections"] > 0:  # noqa: ASYNC110 - a connection that ends tells nobody
                await asyncio.sleep(0)

    run(main())


@pytest.mark.parametrize("lazy", [1, "yes", None])
def test_mistakes_are_told_at_once(lazy: Any) -> None:
    with pytest.raises(ipc.IpcError, match="lazy is True or False"):
        aio.connect("calc", lazy=lazy)
    with pytest.raises(ipc.IpcError, match="name"):
        aio.connect("no/name", lazy=True)
    with pytest.raises(ipc.IpcError):
        aio.connect("calc", lazy=True, serve=3)


def test_a_forked_child_connects_by_itself(children: Children) -> None:
    children.serve("calc")
    child = children.run(
        """
        from ipcbridge import aio
        calc = aio.connect('calc', lazy=True)
        async def add(a):
            return await calc.add(a)
        loop = asyncio.new_event_loop()
        say(loop.run_until_complete(add(1)))
        pid = os.fork()
        if pid == 0:
            say(asyncio.run(add(2)))
            sys.stdout.flush()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        say(loop.run_until_complete(add(3)))
        loop.close()
        """
    )
    for line in ("1", "2", "3"):
        child.expect(line)
    assert child.rest() == ("", "")
