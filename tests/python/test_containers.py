"""What is known of a process that is in another PID namespace."""

from __future__ import annotations

import os
from typing import Any

import pytest
from children import Children, can_unshare

BLOCKING = """
with ipc.connect("calc") as calc:
    status = ipc.status(calc)
"""
ASYNCIO = """
async def main():
    async with aio.connect("calc") as calc:
        return aio.status(calc)
status = asyncio.run(main())
"""


@pytest.mark.skipif(not can_unshare(), reason="no new PID namespace can be had")
@pytest.mark.parametrize("client", [BLOCKING, ASYNCIO], ids=["blocking", "asyncio"])
def test_the_pid_of_a_peer_outside_of_the_container_is_none(client: str, serve: Any, children: Children) -> None:
    serve("calc", {"f": len})
    child = children.run_in_container(client + "say([os.getpid(), status['peer_pid'], status['peer_uid']])")
    assert child.rest() == (f"{[1, None, os.getuid()]}\n", "")
