"""What the tests of middleware serve."""

from __future__ import annotations

from typing import Any

import ipcbridge as ipc


def rows(count: int) -> Any:
    yield from range(count)


SERVICE = {
    "add": lambda a, b=0: a + b,
    "rows": rows,
    "see": lambda: ipc.context().metadata,
    "total": lambda numbers: sum(numbers),
}
