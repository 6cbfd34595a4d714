"""What a server does with those that are connected to it, in either API. tests/cross has what all pairs do."""

from __future__ import annotations

import gc
import inspect
import os
import queue
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional

import pytest
from children import Child, Children
from either import KINDS, Loop

import ipcbridge as ipc
from ipcbridge import aio

Changes = queue.Queue[tuple[str, Optional[ipc.IpcError]]]


class Api:
    """One of the Python APIs, of which asyncio's is used on a loop of its own."""

    def __init__(self, kind: str) -> None:
        self._loop = None if kind == "blocking" else Loop(kind)
        self._servers: list[Any] = []
        self.ipc: Any = ipc if self._loop is None else aio

    def do(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What the function gives, or what that gives when it is awaited."""
        if self._loop is None:
            return function(*args, **kwargs)

        async def on_loop() -> Any:
            result = function(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result

        return self._loop.run(on_loop())

    def serve(self, *args: Any, **options: Any) -> Any:
        self._servers.append(self.do(self.ipc.serve, *args, **options))
        return self._servers[-1]

    def peer(self, server: Any) -> Any:
        """The only one that is connected."""
        (peer,) = self.do(lambda: server.peers)
        return peer

    def end(self) -> None:
        for server in self._servers:
            self.do(server.close, 1)
        if self._loop is not None:
            self._loop.end()


@pytest.fixture(params=KINDS)
def api(request: pytest.FixtureRequest) -> Iterator[Api]:
    made = Api(request.param)
    yield made
    made.end()


@pytest.fixture
def changes() -> Changes:
    return queue.Queue()


class Offered:
    """What a client serves."""

    def __init__(self) -> None:
        self.entered, self.may_return = threading.Event(), threading.Event()

    def hello(self, who: str) -> str:
        """Greets."""
        return f"greets {who}"

    def wait(self) -> None:
        self.entered.set()
        self.may_return.wait(60)

    def metadata(self) -> Any:
        return dict(ipc.context().metadata)


@pytest.fixture
def offered() -> Iterator[Offered]:
    made = Offered()
    yield made
    made.may_return.set()


@pytest.fixture
def server(api: Api, address: str) -> Any:
    return api.serve(address, {"one": lambda: 1})


@pytest.fixture
def client(server: Any, address: str, connect: Any, offered: Offered) -> Any:
    """A client that the server knows."""
    made = connect(address, serve=offered, name="billing")
    assert made.one() == 1
    return made


@pytest.fixture
def peer(api: Api, server: Any, client: Any) -> Any:
    return api.peer(server)


@pytest.fixture
def child(children: Children, server: Any, address: str) -> Child:
    """A client in another process."""
    made = children.run(f"""
        calc = ipc.connect({address!r}, serve={{"wait": lambda: (say("entered"), time.sleep(600))}})
        say(calc.one())
        time.sleep(600)
    """)
    made.expect("1")
    return made


def test_it_is_the_same_object_as_long_as_it_is_connected(api: Api, server: Any, peer: Any) -> None:
    assert api.peer(server) is peer
    assert repr(peer) == f"<remote peer billing (process {os.getpid()}): hello, wait, metadata>"


def test_its_methods_are_called(api: Api, peer: Any) -> None:
    assert api.do(peer.hello, "Ada") == "greets Ada"
    assert api.do(api.ipc.call, peer, "hello", ["you"]) == "greets you"
    with pytest.raises(AttributeError, match="did you mean 'hello'"):
        _ = peer.helo


def test_it_tells_its_status(api: Api, peer: Any) -> None:
    status = api.do(api.ipc.status, peer)
    assert (status["state"], status["peer_pid"], status["peer_uid"]) == ("ready", os.getpid(), os.getuid())
    assert status["pending_calls"] == 0


def test_it_is_called_with_options(api: Api, peer: Any) -> None:
    with_metadata = api.do(api.ipc.with_options, peer, metadata={"tenant": 7})
    assert api.do(with_metadata.metadata) == {"tenant": 7}
    hurried = api.do(api.ipc.with_options, peer, timeout=0.05)
    with pytest.raises(ipc.DeadlineExceeded):
        api.do(hurried.wait)


def test_it_describes_itself(api: Api, peer: Any) -> None:
    hello = api.do(api.ipc.describe, peer)["methods"]["hello"]
    assert (hello["signature"], hello["doc"]) == ("(who: 'str') -> 'str'", "Greets.")


def test_threads_that_ask_for_it_at_once_get_the_same(
    serve: Any, connect: Any, offered: Offered, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve("calc", {"add": lambda a, b: a + b})
    client = connect("calc", serve=offered)
    assert client.add(1, 2) == 3
    both = threading.Barrier(2, timeout=60)
    peers = server._process.calls.peers
    make = peers._make

    def make_with_the_other(remote: Any) -> Any:
        both.wait()
        return make(remote)

    monkeypatch.setattr(peers, "_make", make_with_the_other)
    with ThreadPoolExecutor(2) as threads:
        first, second = (threads.submit(lambda: server.peers[0]) for _ in range(2))
        assert first.result(60) is second.result(60)
    assert server.peers[0] is first.result()
    assert server.peers[0].hello("you") == "greets you"


def test_its_calls_are_submitted(serve: Any, connect: Any, offered: Offered) -> None:
    server = serve("calc", {"one": lambda: 1})
    connect("calc", serve=offered).one()
    (peer,) = server.peers
    waiting = ipc.submit(peer).wait()
    futures = [ipc.submit(peer).hello(number) for number in range(100)]
    assert [future.result(60) for future in futures] == [f"greets {number}" for number in range(100)]
    assert not waiting.done()
    offered.may_return.set()
    assert waiting.result(60) is None


def test_in_a_handler_it_is_the_remote_of_the_context(api: Api, connect: Any, address: str) -> None:
    def listed() -> list[bool]:
        return [ipc.context().peer.remote is each for each in server.peers]

    async def listed_on_the_loop() -> list[bool]:
        return listed()

    server = api.serve(address, {"listed": listed, "listed_on_the_loop": listed_on_the_loop})
    first, second = connect(address), connect(address)
    assert first.listed_on_the_loop() == [True, False]
    assert second.listed_on_the_loop() == [False, True]
    assert first.listed() == [True, False]


def test_a_fan_out_calls_all_at_a_time(api: Api, server: Any, address: str, connect: Any) -> None:
    all_called = threading.Barrier(3)
    for number in range(3):
        connect(address, serve={"meet": lambda: all_called.wait(60)}, name=str(number)).one()
    outcomes = api.do(lambda: api.ipc.fan_out(server.peers).meet())
    assert sorted(outcome.value for outcome in outcomes) == [0, 1, 2]


def test_a_fan_out_calls_many_at_a_time(api: Api, connect: Any) -> None:
    all_called = threading.Barrier(40)
    api.serve("calc", {"meet": lambda on_met: on_met(all_called.wait(60))}, threads=40)
    calc = api.do(api.ipc.connect, "calc")
    met: list[int] = []
    outcomes = api.do(lambda: api.ipc.fan_out([calc] * 40).meet(met.append))
    assert [outcome.error for outcome in outcomes] == [None] * 40
    assert sorted(met) == list(range(40))
    api.do(api.ipc.close, calc)


def test_one_that_is_closed_is_disconnected_and_connects_anew(
    api: Api, server: Any, client: Any, peer: Any, changes: Changes
) -> None:
    ipc.on_state(client, lambda *change: changes.put(change))
    api.do(api.ipc.close, peer)
    assert changes.get(timeout=60)[0] == "reconnecting"
    with pytest.raises(ipc.IpcError) as caught:
        api.do(api.ipc.call, peer, "hello", ["you"])
    assert caught.value.code == "failed_precondition"
    assert client.one() == 1
    again = api.peer(server)
    assert again is not peer
    assert api.do(again.hello, "again") == "greets again"


def test_calls_of_one_that_goes_fail(api: Api, client: Any, peer: Any, offered: Offered, changes: Changes) -> None:
    api.do(api.ipc.on_state, peer, lambda *change: changes.put(change))
    threading.Thread(target=lambda: (offered.entered.wait(60), ipc.close(client))).start()
    with pytest.raises(ipc.Unavailable) as caught:
        api.do(peer.wait)
    assert caught.value.sent == "maybe"
    assert changes.get(timeout=60)[0] == "closed"


def test_calls_of_one_that_is_killed_fail(api: Api, server: Any, child: Child) -> None:
    peer = api.peer(server)

    def kill() -> None:
        child.expect("entered")
        child.kill()

    threading.Thread(target=kill).start()
    with pytest.raises(ipc.Unavailable) as caught:
        api.do(peer.wait)
    assert caught.value.sent == "maybe"


def test_listeners_hear_that_one_is_killed(api: Api, server: Any, child: Child, changes: Changes) -> None:
    def listen() -> list[Callable[[], None]]:
        """Keeps nothing of the peer."""
        peer = server.peers[0]
        return [api.ipc.on_state(peer, lambda *change: changes.put(change)) for _ in range(3)]

    ends = api.do(listen)
    ends[0]()
    gc.collect()
    child.kill()
    told = [changes.get(timeout=60) for _ in range(2)]
    assert [(state, type(reason), str(reason)) for state, reason in told] == [
        ("closed", ipc.Unavailable, "the peer closed the connection")
    ] * 2
    assert changes.empty()


def test_one_that_has_gone_is_not_kept_for_who_listens(api: Api, server: Any, client: Any, changes: Changes) -> None:
    peer = api.peer(server)
    api.do(api.ipc.on_state, peer, lambda *change: changes.put(change))
    ipc.close(client)
    assert changes.get(timeout=60)[0] == "closed"
    assert api.do(api.ipc.status, peer)["state"] == "closed"
    remote = weakref.ref(peer._remote)
    api.do(api.ipc.on_state, peer, lambda *change: changes.put(change))
    del peer
    gc.collect()
    assert remote() is None


def test_who_is_called_by_its_service_listens_to_its_own_client(
    server: Any, api: Api, address: str, connect: Any, changes: Changes
) -> None:
    def listen() -> None:
        ipc.on_state(ipc.context().peer.remote, lambda *change: changes.put(change))

    client = connect(address, serve={"listen": listen})
    ipc.on_state(client, lambda *change: changes.put(change))
    client.one()
    api.do(api.peer(server).listen)
    ipc.close(client)
    assert [changes.get(timeout=60)[0] for _ in range(2)] == ["closed", "closed"]
