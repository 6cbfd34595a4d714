"""Clients that a forked child opens anew: what threads do at the same time."""

from __future__ import annotations

import os
from typing import Any

from ipcbridge._client.inherited import InheritedClient


class Opened:
    address = ""
    lazy = False


def test_a_client_that_another_thread_has_just_opened_is_used() -> None:
    made: list[Any] = []

    def open_client(_renewing: object) -> Any:
        made.append(Opened())
        return made[-1]

    client = InheritedClient(open_client)
    others = client._clients.pop(os.getpid())

    class Opening(dict):  # type: ignore[type-arg]
        def setdefault(self, key: int, latch: Any) -> Any:
            client._clients[key] = others  # after this thread has looked for it
            return super().setdefault(key, latch)

    client._opening = Opening()
    assert client._here() is others
    assert made == [others]
