"""Functions around calls and errors, which tests/cross/test_middleware.py asks for; around.mjs has the same."""

from __future__ import annotations

from typing import Any

from service import Broken

import ipcbridge as ipc


def doubled(call: Any, next: Any) -> Any:
    items = next(call)
    return (2 * item for item in items) if call.method == "numbers" else items


async def doubled_async(call: Any, next: Any) -> Any:
    items = await next(call)
    if call.method != "numbers":
        return items
    if not hasattr(items, "__aiter__"):
        return (2 * item for item in items)  # a plain generator stays one
    return (2 * item async for item in items)


def mapped(error: BaseException, method: str) -> BaseException | None:
    return ipc.IpcError("not_found", f"{method} is mapped") if isinstance(error, Broken) else None


def options_of(options: dict[str, Any] | None, middleware: Any) -> dict[str, Any]:
    """As the harness says them: functions cannot be told of, so true stands for the one that is here."""
    given = dict(options or {})
    if "middleware" in given:
        given["middleware"] = doubled_async if given["middleware"] == "async" else middleware
    if "map_error" in given:
        given["map_error"] = mapped
    return given
