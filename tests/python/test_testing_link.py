"""ipcbridge.testing.link: what clients and services see of a slow, cut or dead way between their processes."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from children import Children
from either import Run
from waiting import wait_until

import ipcbridge as ipc
from ipcbridge import aio, testing

DELAY = 0.15  # seconds


@pytest.fixture
def link(children: Children) -> Iterator[testing.Link]:
    """In front of a service of another process."""
    children.serve("calc")
    with testing.link("calc") as link:
        yield link


@pytest.fixture
def calc(link: testing.Link, connect: Any) -> Any:
    return connect(link.address)


def test_calls_pass_as_they_are_over_the_socket(link: testing.Link, calc: Any) -> None:
    assert calc.add(2, b=3) == 5
    text = "x" * 20_000_000
    assert calc.echo(text) == text
    assert ipc.status(calc)["transport"] == "unix"
    assert link.connections == 1


def test_a_delay_holds_for_each_way_and_can_be_ended(link: testing.Link, calc: Any) -> None:
    link.delay(datetime.timedelta(seconds=DELAY))
    start = time.monotonic()
    assert calc.add(1) == 1
    assert time.monotonic() - start >= 2 * DELAY
    start = time.monotonic()
    futures = [ipc.submit(calc).echo(number) for number in range(100)]
    assert [future.result() for future in futures] == list(range(100))
    assert time.monotonic() - start < 100 * DELAY  # they were under way together
    with pytest.raises(ipc.DeadlineExceeded) as caught:
        ipc.with_options(calc, timeout=DELAY).add(1)
    assert caught.value.sent == "maybe"
    link.delay(0)
    assert calc.add(1) == 1


@pytest.mark.parametrize("ticks", range(1, 9))
def test_what_comes_due_while_the_link_looks_is_passed(
    link: testing.Link, calc: Any, monkeypatch: pytest.MonkeyPatch, ticks: int
) -> None:
    """With a clock that ticks with every look at it, so that times lie between any two looks."""
    tick = 0.002  # seconds
    looks = itertools.count(time.monotonic(), tick)
    monkeypatch.setattr("ipcbridge.testing._relay.time", SimpleNamespace(monotonic=lambda: next(looks)))
    link.delay((ticks + 0.5) * tick)
    assert [calc.echo(number) for number in range(10)] == list(range(10))


@pytest.mark.parametrize("delay", [-1, None, "soon"])
def test_a_delay_that_cannot_be_is_refused(link: testing.Link, delay: Any) -> None:
    with pytest.raises(ipc.IpcError) as caught:
        link.delay(delay)
    assert caught.value.code == "invalid_argument"


def test_what_is_sent_while_it_is_paused_passes_when_it_is_resumed(link: testing.Link, calc: Any) -> None:
    link.pause()
    with pytest.raises(ipc.DeadlineExceeded):
        ipc.with_options(calc, timeout=0.05).add(1)
    waiting = ipc.submit(calc).echo("x" * 5_000_000)
    assert not waiting.done()
    assert ipc.status(calc)["state"] == "ready"
    link.resume()
    assert len(waiting.result()) == 5_000_000


def test_a_dropped_connection_fails_calls_that_may_have_run_and_is_made_again(link: testing.Link, calc: Any) -> None:
    states: list[str] = []
    ipc.on_state(calc, lambda state, _: states.append(state))
    sleeping = ipc.submit(calc).sleep(60)
    assert calc.add(1) == 1  # it is on its way by now
    link.drop()
    with pytest.raises(ipc.Unavailable) as caught:
        sleeping.result()
    assert caught.value.sent == "maybe"
    assert calc.add(1) == 1
    wait_until(lambda: states == ["reconnecting", "ready"])
    assert link.connections == 1


def test_a_link_that_cannot_be_restarted_says_so_and_can_be_later(link: testing.Link, calc: Any) -> None:
    link.kill()
    in_the_way = Path(link.address.removeprefix("unix://"))
    in_the_way.touch()
    with pytest.raises(OSError, match="in use"):
        link.restart()
    in_the_way.unlink()
    link.restart()
    wait_until(lambda: ipc.status(calc)["state"] == "ready")
    assert calc.add(1) == 1


def test_a_killed_peer_is_away_until_it_is_started_again(link: testing.Link, calc: Any) -> None:
    sleeping = ipc.submit(calc).sleep(60)
    assert calc.add(1) == 1
    link.kill()
    with pytest.raises(ipc.Unavailable) as caught:
        sleeping.result()
    assert caught.value.sent == "maybe"
    with pytest.raises(ipc.Unavailable) as at_once:
        ipc.with_options(calc, wait_for_ready=False).add(1)
    assert at_once.value.sent == "no"
    with pytest.raises(ipc.Unavailable):
        ipc.connect(link.address, connect_timeout=0)
    waiting = ipc.submit(calc).add(2)
    link.restart()
    link.restart()
    assert waiting.result() == 2


def test_the_handler_hears_that_its_caller_is_gone(serve: Any, connect: Any) -> None:
    cancelled: list[bool] = []

    def wait() -> None:
        cancelled.append(ipc.context().cancellation.wait(60))

    server = serve("calc", {"wait": wait, "add": lambda a: a})
    with testing.link(server) as link:
        calc = connect(link.address)
        waiting = ipc.submit(calc).wait()
        assert calc.add(1) == 1
        link.kill()
        with pytest.raises(ipc.Unavailable):
            waiting.result()
        wait_until(lambda: cancelled == [True])


def test_a_stream_is_cut_with_its_link(serve: Any, connect: Any) -> None:
    def count() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    server = serve("calc", {"count": count})
    with testing.link(server) as link:
        numbers = connect(link.address).count()
        assert next(numbers) == 0
        link.drop()
        with pytest.raises(ipc.Unavailable):
            for _ in numbers:
                pass


def test_a_link_may_be_there_before_its_service_and_after_it(serve: Any, connect: Any, names_directory: Path) -> None:
    address = f"unix://{names_directory}/calc.socket"
    with testing.link(address) as link:
        with pytest.raises(ipc.Unavailable):
            ipc.connect(link.address, connect_timeout=0.1)
        server = serve(address, {"add": lambda a: a})
        calc = connect(link.address)
        assert calc.add(1) == 1
        server.close(grace=0)
        serve(address, {"add": lambda a: a + 1})
        assert calc.add(1) == 2


def test_asyncio_clients_take_it_too(link: testing.Link, run: Run) -> None:
    async def main() -> None:
        async with aio.connect(link.address) as calc:
            sleeping = calc.sleep(60)
            assert await calc.add(1) == 1
            link.drop()
            with pytest.raises(ipc.Unavailable):
                await sleeping
            assert await asyncio.gather(calc.add(1), calc.add(2)) == [1, 2]

    run(main())


def test_a_closed_link_leaves_nothing_and_does_nothing(serve: Any) -> None:
    server = serve("calc", {"add": lambda a: a})
    link = testing.link(server)
    folder = Path(link.address[len("unix://") :]).parent
    assert folder.exists()
    link.close()
    link.close()
    link.drop()
    link.restart()
    assert not folder.exists()


@pytest.mark.parametrize("service", ["inproc://calc", 7, "no name/"])
def test_what_no_link_can_be_in_front_of_is_refused(service: Any) -> None:
    with pytest.raises(ipc.IpcError) as caught:
        testing.link(service)
    assert caught.value.code == "invalid_argument"
