"""A notification that is not taken is counted: nobody has to wait, or to catch anything."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from children import Children
from either import Run

import ipcbridge as ipc
from ipcbridge import aio
from ipcbridge._process import log as _log

PAYLOAD = "x" * 1000


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    _log.flush(60)
    return [record.getMessage() for record in caplog.records]


def test_a_full_queue_drops_notifications(children: Children, connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    server = children.serve("calc")
    calc = connect("calc", max_queued_bytes=20_000)
    server.stop()
    notifier = ipc.notify(calc)
    while notifier.echo(PAYLOAD):
        pass
    assert [notifier.echo(PAYLOAD) for _ in range(50)] == [False] * 50
    assert ipc.status(calc)["dropped_notifications"] == 51
    with caplog.at_level(logging.WARNING, "ipcbridge"):
        told = lines(caplog)
    assert 1 <= len(told) < 51
    assert "calc: a notification was dropped" in told[0]
    server.resume()
    while not notifier.echo(PAYLOAD):
        pass
    assert calc.add(1) == 1


def test_a_full_queue_drops_notifications_of_asyncio(children: Children, run: Run) -> None:
    server = children.serve("calc")

    async def main() -> None:
        calc = await aio.connect("calc", max_queued_bytes=20_000)
        server.stop()
        notifier = aio.notify(calc)
        while await notifier.echo(PAYLOAD):
            pass
        assert await notifier.echo(PAYLOAD) is False
        assert aio.status(calc)["dropped_notifications"] == 2
        server.resume()
        assert await calc.add(1) == 1

    run(main())


def test_what_can_never_be_sent_is_an_error(serve: Any, connect: Any) -> None:
    serve("calc", {"f": len})
    calc = connect("calc", limits={"max_message_bytes": 100_000})
    with pytest.raises(ipc.IpcError, match=r"args\[0\]"):
        ipc.notify(calc).f(object())
    assert ipc.status(calc)["dropped_notifications"] == 0


def test_nobody_there_is_a_drop_too(serve: Any, connect: Any) -> None:
    server = serve("calc", {"f": len})
    calc = connect("calc")
    server.close()
    while ipc.status(calc)["state"] == "ready":
        pass
    assert ipc.with_options(ipc.notify(calc), wait_for_ready=False).f("") is False
    assert ipc.status(calc)["dropped_notifications"] == 1
