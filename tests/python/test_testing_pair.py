"""ipcbridge.testing: a service and a client in one process, and fakes."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any
from unittest import mock

import pytest
from children import Children
from either import Run

import ipcbridge as ipc
from ipcbridge import testing
from ipcbridge.testing import aio


class Calc:
    def add(self, a: int, b: int = 0) -> int:
        return a + b

    async def later(self, value: Any) -> Any:
        await asyncio.sleep(0)
        return value

    def count(self, n: int) -> Any:
        yield from range(n)

    def apply(self, function: Any) -> Any:
        return function(3)


def test_a_pair_is_connected_within_the_process_and_has_all_that_a_service_has() -> None:
    with testing.pair(Calc()) as (server, calc):
        assert calc.add(2, b=3) == 5
        assert calc.later((1, 2)) == [1, 2]
        assert list(calc.count(3)) == [0, 1, 2]
        assert calc.apply(lambda x: x + 1) == 4
        assert ipc.status(calc)["transport"] == "inproc"
    assert server.status()["state"] == "closed"
    assert ipc.status(calc)["state"] == "closed"


def test_a_pair_takes_the_options_of_both_ends() -> None:
    seen: list[str] = []

    def note(call: Any, following: Any) -> Any:
        seen.append(call.side)
        return following(call)

    pair = testing.pair(Calc(), serve_options={"middleware": note}, connect_options={"middleware": note})
    pair.client.add(1)
    pair.close()
    pair.close()
    assert seen == ["client", "server"]


def test_a_pair_that_cannot_be_is_refused_as_serve_and_connect_do() -> None:
    with pytest.raises(ipc.IpcError, match="no public functions"):
        testing.pair({})
    with pytest.raises(ipc.IpcError, match="connect_timeout"):
        testing.pair(Calc(), connect_options={"connect_timeout": "soon"})


def test_an_asyncio_pair_belongs_to_the_running_loop(run: Run) -> None:
    async def main() -> None:
        async with aio.pair(Calc()) as (server, calc):
            assert await calc.add(2, b=3) == 5
            assert await calc.later(1) == 1
            assert [item async for item in calc.count(3)] == [0, 1, 2]
        assert server.status()["state"] == "closed"
        pair = await aio.pair(Calc())
        await pair.close()
        await pair.close()

    run(main())


def test_a_fake_answers_through_the_codec() -> None:
    with testing.fake({"find": testing.answer((1, "Ada")), "math": {"double": lambda x: 2 * x}}) as users:
        assert users.find("anything", at=(1, 2)) == [1, "Ada"]
        assert users.math.double(2) == 4
        with pytest.raises(ipc.IpcError, match=r"args\[0\] cannot be sent") as caught:
            users.find(object())
        assert caught.value.code == "invalid_argument"
        with pytest.raises(AttributeError, match="did you mean 'find'"):
            users.fnd()
        assert testing.calls(users) == [
            ("find", ("anything",), {"at": [1, 2]}),
            ("math.double", (2,), {}),
        ]
        assert testing.calls(users, "math.double") == [("math.double", (2,), {})]
        assert testing.calls(users)[0].method == "find"


def test_answers_come_one_after_the_other_and_exceptions_are_raised() -> None:
    refusal = ipc.IpcError("not_found", "no such user", {"id": 7})
    with testing.fake({"find": testing.answer(1, 2, refusal), "fail": testing.answer(KeyError)}) as users:
        assert [users.find(), users.find()] == [1, 2]
        for _ in range(2):
            with pytest.raises(ipc.RemoteError, match="no such user") as caught:
                users.find()
            assert (caught.value.code, caught.value.details) == ("not_found", {"id": 7})
        with pytest.raises(ipc.RemoteError) as other:
            users.fail()
        assert other.value.type == "KeyError"


def test_mocks_are_methods_and_a_mock_with_a_spec_is_a_service() -> None:
    find = mock.Mock(return_value=(1,))
    with testing.fake({"find": find, "later": mock.AsyncMock(side_effect=[1, 2])}) as users:
        assert users.find("Ada") == [1]
        assert [users.later(), users.later()] == [1, 2]
        find.assert_called_once_with("Ada")
    calc = mock.create_autospec(Calc, instance=True)
    calc.add.return_value = 5
    with testing.fake(calc) as client:
        assert client.add(2, 3) == 5
        assert dir(client) == ["add", "apply", "count", "later"]
        calc.add.assert_called_once_with(2, 3)
        with pytest.raises(ipc.IpcError, match="too many positional arguments"):
            client.add(1, 2, 3)


def test_a_mock_of_a_method_that_takes_floats_is_a_method() -> None:
    class Scale:
        def weigh(self, grams: float = 1.0) -> float: ...

        weigh.__annotations__["grams"] = float  # no string, of which a mock cannot tell the meaning

    scale = mock.create_autospec(Scale, instance=True)
    scale.weigh.return_value = 5
    with testing.fake(scale) as client:
        assert client.weigh(2) == 5
    assert isinstance(scale.weigh.call_args.args[0], float)


def test_what_a_fake_records_is_seen_through_every_view_of_it_and_of_no_other_client() -> None:
    with testing.fake({"add": testing.answer(1)}) as calc:
        ipc.with_options(calc, timeout=5).add(1)
        ipc.submit(calc).add(2).result()
        assert [call.args for call in testing.calls(ipc.with_options(calc, timeout=1))] == [(1,), (2,)]
    with testing.pair(Calc()) as (_, client), pytest.raises(ipc.IpcError, match="takes what fake"):
        testing.calls(client)


@pytest.mark.parametrize("way", ["with", "close", "dropped"])
def test_a_fake_ends_with_its_client(way: str) -> None:
    before = set(threading.enumerate())
    calc = testing.fake({"add": testing.answer(1)}, serve_options={"threads": 2})
    calc.add()
    started = [thread for thread in threading.enumerate() if "ipcbridge-inproc" in thread.name and thread not in before]
    assert len(started) == 2
    if way == "with":
        with calc:
            pass
    elif way == "close":
        ipc.close(calc)
    else:
        del calc
        gc.collect()
    for thread in started:
        thread.join(30)
        assert not thread.is_alive()


def test_an_asyncio_fake_records_and_answers_on_its_loop(run: Run) -> None:
    async def main() -> None:
        loops = []

        async def where(value: Any) -> Any:
            loops.append(asyncio.get_running_loop())
            return value

        mocked = mock.AsyncMock(return_value=(1,))
        async with aio.fake({"where": where, "add": aio.answer(5), "mocked": mocked}) as calc:
            assert await calc.where((1, 2)) == [1, 2]
            assert await calc.add(2, 3) == 5
            assert await calc.mocked() == [1]
            assert aio.calls(calc, "add") == [("add", (2, 3), {})]
        assert loops == [asyncio.get_running_loop()]
        with pytest.raises(ipc.IpcError, match="closed"):
            await calc.add(1)
        calc = await aio.fake({"add": aio.answer(5)})
        assert await calc.add() == 5
        del calc

    run(main())


def test_unique_names_are_names() -> None:
    names = {testing.unique_name("calc") for _ in range(1000)}
    assert len(names) == 1000
    with ipc.serve(names.pop(), Calc()) as server, ipc.connect(server.name) as calc:
        assert calc.add(1) == 1


def test_what_threads_and_processes_make_beside_each_other_has_names_of_its_own(children: Children) -> None:
    code = """
        from concurrent.futures import ThreadPoolExecutor
        from ipcbridge import testing
        def make(number):
            with testing.pair({"which": lambda: number}, serve_options={"threads": 1}) as (server, client):
                assert client.which() == number
                return [server.name, *(testing.unique_name() for _ in range(100))]
        forked = os.fork()  # the child has the same counters, and the same seeds
        with ThreadPoolExecutor(4) as threads:
            names = [name for made in threads.map(make, range(16)) for name in made]
        if forked:
            os.waitpid(forked, 0)
        say("\\n".join(names))
        """
    both = [children.run(code), children.run(code)]
    names = [name for child in both for name in child.rest()[0].split()]
    assert len(names) == 2 * 2 * 16 * 101
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("module", [testing, aio])
def test_the_public_names_of_the_kit(module: Any) -> None:
    for name in module.__all__:
        assert getattr(module, name).__module__.startswith("ipcbridge.testing"), name
