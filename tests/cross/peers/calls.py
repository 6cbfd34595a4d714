"""The call that a command asks a Python peer for."""

from __future__ import annotations

from functools import reduce
from typing import Any

from value_notation import build

import ipcbridge as ipc

clients: dict[str, Any] = {}


def view_of(command: dict[str, Any]) -> Any:
    remote = clients[command["on"]]
    names = ("timeout", "idle_timeout", "metadata", "pass_on", "idempotent", "wait_for_ready")
    options = {name: command[name] for name in names if name in command}
    return ipc.with_options(remote, **options) if options else remote


def member_of(remote: Any, path: str) -> Any:
    return reduce(getattr, path.split("."), remote)


def arguments_of(command: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    kwargs = {name: build(value) for name, value in command.get("kwargs", {}).items()}
    if command.get("unencodable"):
        return [{"items": [0, 1, 2, object()]}], kwargs
    return build(command.get("args", [])), kwargs
