"""Workers of every kind behind one name: who calls it finds all of them, as they come and go."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
from harness import Command, Peer
from pairs import KINDS

Make = Callable[..., Peer]
CALLS = 5_000
IN_FLIGHT = 16


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, peers: Make) -> Peer:
    return peers(request.param)


@pytest.fixture
def start(peers: Make, address: str) -> Callable[..., Peer]:
    """Starts a worker of the name."""

    def start(kind: str, *, reuse: bool = True, **options: Any) -> Peer:
        worker = peers(kind, reuse=reuse)
        serve(worker, address, shared=True, **options).result()
        return worker

    return start


@pytest.fixture
def workers(start: Callable[..., Peer]) -> list[Peer]:
    return [start(kind) for kind in KINDS]


def serve(worker: Peer, address: str, **options: Any) -> Command:
    return worker.start("serve", **{"as": "s"}, address=address, options=options)


def connect(client: Peer, address: str) -> None:
    client.do("connect", **{"as": "c"}, address=address, options={"connect_timeout": 60})


def pids_of(client: Peer) -> set[int]:
    """Those that the client is connected to."""
    links = client.do("status", on="c")["links"]
    return {link["peer"]["pid"] if "peer" in link else link["peer_pid"] for link in links if link["state"] == "ready"}


def wait_until_found(client: Peer, workers: list[Peer]) -> None:
    while pids_of(client) != {worker.pid for worker in workers}:  # nobody tells of the links of a list
        pass


def calling(client: Peer) -> Command:
    burst = client.start("burst", on="c", method="add", count=CALLS, in_flight=IN_FLIGHT)
    client.event("underway")
    return burst


def expect_all_answered(burst: Command) -> None:
    assert burst.result(60) == {"ok": CALLS, "wrong": 0, "twice": 0, "codes": {}}


def expect_each_gets_one(client: Peer, workers: list[Peer]) -> None:
    """Of calls at once that do not end."""
    held = [client.start("call", on="c", method="hold", timeout=60) for _ in workers]
    for worker in workers:
        worker.event("held")
        assert not worker.has_event("held")
    client.do("close", on="c")
    for call in held:
        assert call.error().code == "cancelled"
    for worker in workers:
        worker.event("released")


def test_calls_go_to_the_least_busy(client: Peer, workers: list[Peer], address: str) -> None:
    connect(client, address)
    wait_until_found(client, workers)
    expect_each_gets_one(client, workers)


@pytest.mark.parametrize("last", ["with", "without"])
@pytest.mark.parametrize("kind", KINDS)
def test_calls_go_to_those_that_offer_the_method(client: Peer, peers: Make, address: str, kind: str, last: str) -> None:
    """Whoever of them the client found last, and has described itself last."""

    def call(method: str) -> Command:
        return client.start("call", on="c", method=method, args=[], by_name=True)

    workers = {"with": peers(kind), "without": peers("node")}
    methods = {"with": ["everywhere", "here"], "without": ["everywhere"]}
    for which in sorted(workers, key=lambda which: which == last):
        options = {"shared": True}
        workers[which].do("serve", **{"as": "s"}, address=address, options=options, methods=methods[which])
        if which != last:
            connect(client, address)
    wait_until_found(client, list(workers.values()))
    assert client.do("has", on="c", method="here")
    assert [call("here").result() for _ in range(10)] == ["here"] * 10
    workers["with"].do("unserve", **{"as": "s"}, grace=20)
    wait_until_found(client, [workers["without"]])
    error = call("here").error()
    assert error.code == "unimplemented"
    assert "'here'" in error.message
    assert call("everywhere").result() == "everywhere"


def test_one_that_joins_gets_calls(client: Peer, workers: list[Peer], start: Any, address: str) -> None:
    connect(client, address)
    burst = calling(client)
    workers.append(start("node"))
    wait_until_found(client, workers)
    expect_all_answered(burst)
    expect_each_gets_one(client, workers)


def test_one_that_leaves_fails_no_call(client: Peer, workers: list[Peer], address: str) -> None:
    connect(client, address)
    wait_until_found(client, workers)
    burst = calling(client)
    workers.pop().do("unserve", **{"as": "s"}, grace=20)
    expect_all_answered(burst)
    wait_until_found(client, workers)
    expect_each_gets_one(client, workers)


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_is_killed_loses_its_own_calls_at_most(
    client: Peer, workers: list[Peer], start: Any, address: str, kind: str
) -> None:
    victim = start(kind, reuse=False)
    connect(client, address)
    wait_until_found(client, [*workers, victim])
    burst = calling(client)
    victim.signal(signal.SIGKILL)
    tally = burst.result(60)
    lost = tally["codes"].get("unavailable, sent maybe", 0)
    assert lost <= IN_FLIGHT
    assert tally == {"ok": CALLS - lost, "wrong": 0, "twice": 0, "codes": tally["codes"]}
    assert set(tally["codes"]) <= {"unavailable, sent maybe"}
    wait_until_found(client, workers)


def test_callbacks_and_references_stay_with_the_worker(client: Peer, workers: list[Peer], address: str) -> None:
    connect(client, address)
    wait_until_found(client, workers)
    for _ in workers:  # each has its turn
        assert client.do("each", on="c", items=[1, 2], kind="async") == [2, 4]
        assert client.do("counter", on="c")[:4] == [2, 5, 5, 101]
        assert client.do("counter_back", on="c") == [5, 10, 11], "whichever of them it is passed to"


def reading_worker(workers: list[Peer]) -> Peer:
    """The one that has the stream which is open."""
    return next(worker for worker in workers if open_streams(worker) == 1)


def open_streams(worker: Peer) -> int:
    status = worker.do("server_status", **{"as": "s"})
    count: int = status["open_streams" if worker.in_python else "openStreams"]
    return count


def test_one_that_leaves_makes_its_streams_to_their_end(client: Peer, workers: list[Peer], address: str) -> None:
    connect(client, address)
    wait_until_found(client, workers)
    for _ in range(len(workers)):
        first = client.do("open", **{"as": "r"}, on="c", method="numbers", args=[50_000])
        leaving = reading_worker(workers)
        unserving = leaving.start("unserve", **{"as": "s"}, grace=20)
        workers.remove(leaving)
        if workers:
            wait_until_found(client, workers)
            others = {client.do("call", on="c", method="pid") for _ in workers}
            assert others == {worker.pid for worker in workers}
        rest = client.do("finish", **{"as": "r"})
        assert (first, rest) == (0, {"count": 49_999, "sum": sum(range(50_000)), "error": None})
        unserving.result(20)


@pytest.mark.parametrize("kind", KINDS)
def test_the_streams_of_one_that_is_killed_end_and_calls_go_on(
    client: Peer, start: Any, address: str, kind: str
) -> None:
    victim = start(kind, reuse=False)
    connect(client, address)
    client.do("open", **{"as": "r"}, on="c", method="numbers", args=[1_000_000])
    workers = [start(kind) for kind in KINDS]
    wait_until_found(client, [*workers, victim])
    victim.signal(signal.SIGKILL)
    seen = client.do("finish", **{"as": "r"})
    assert (seen["error"]["code"], seen["error"]["sent"]) == ("unavailable", "maybe")
    wait_until_found(client, workers)
    expect_each_gets_one(client, workers)


def test_workers_are_replaced_one_after_the_other_and_no_call_fails(
    client: Peer, workers: list[Peer], start: Any, address: str
) -> None:
    connect(client, address)
    burst = calling(client)
    fresh = []
    for old in workers:
        fresh.append(start(old.kind))
        old.do("unserve", **{"as": "s"}, grace=20)
    expect_all_answered(burst)
    wait_until_found(client, fresh)


def test_all_leave_and_the_next_ones_are_found(client: Peer, workers: list[Peer], start: Any, address: str) -> None:
    connect(client, address)
    burst = calling(client)
    for worker in workers:
        worker.do("unserve", **{"as": "s"}, grace=20)
    fresh = [start(kind) for kind in KINDS]
    expect_all_answered(burst)
    wait_until_found(client, fresh)


def test_the_name_is_for_those_who_share_it(workers: list[Peer], peers: Make, address: str) -> None:
    alone = peers("node")
    error = serve(alone, address, takeover="fail").error()
    assert error.code == "already_exists"
    for worker in workers:
        worker.do("unserve", **{"as": "s"}, grace=0)
    serve(alone, address).result()
    error = serve(workers[0], address, shared=True, takeover="fail").error()
    assert error.code == "already_exists"
    assert str(alone.pid) in error.message


@pytest.mark.parametrize("kind", KINDS)
def test_one_alone_replaces_all_and_workers_replace_him(
    client: Peer, workers: list[Peer], peers: Make, address: str, kind: str
) -> None:
    connect(client, address)
    burst = calling(client)
    alone = peers(kind)
    serve(alone, address, takeover="replace").result()
    wait_until_found(client, [alone])
    for worker in workers:
        serve(worker, address, shared=True, takeover="replace").result()
    expect_all_answered(burst)
    wait_until_found(client, workers)


def test_its_own_server_is_one_of_a_name_in_each_process(workers: list[Peer], address: str) -> None:
    statuses = [worker.do("server_status", **{"as": "s"}) for worker in workers]
    assert [status["state"] for status in statuses] == ["listening"] * len(workers)
    assert len({status["path"] for status in statuses}) == len(workers)
    assert len({status["address"] for status in statuses}) == 1
