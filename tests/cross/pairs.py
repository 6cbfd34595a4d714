"""Who calls whom over what: the pairs that the suite is run over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness import Command, Peer, PeerError

KINDS = ("node", "blocking", "asyncio")
PAIRS = [*((client, server) for client in KINDS for server in KINDS), ("uvloop", "uvloop"), ("node", "uvloop")]
BETWEEN_LANGUAGES = [("node", "blocking"), ("blocking", "node"), ("node", "asyncio"), ("asyncio", "node")]
TRANSPORTS = ("name", "shm", "unix")


def make_address(transport: str, directory: Path, name: str = "calc") -> str:
    return name if transport == "name" else f"{transport}://{directory}/{name}.socket"


def notation(value: Any) -> Any:
    """A simple value in the notation of tests/values."""
    if isinstance(value, dict):
        return {"object": [[key, notation(item)] for key, item in value.items()]}
    if isinstance(value, list):
        return [notation(item) for item in value]
    return {"bytes": value.hex()} if isinstance(value, bytes) else value


class Raw:
    """An argument that is in that notation already."""

    def __init__(self, notation: Any) -> None:
        self.notation = notation


def zeros(length: int) -> Raw:
    return Raw({"zeros": length})


class Pair:
    """A client that is connected to a server."""

    def __init__(self, client: Peer, server: Peer, address: str, *, connect: Any = None, serve: Any = None) -> None:
        self.client = client
        self.server = server
        self.address = address
        self.kinds = (client.kind, server.kind)
        server.do("serve", **{"as": "s"}, address=address, options=serve or {})
        self.status = client.do("connect", **{"as": "c"}, address=address, options=connect or {})

    def start(self, method: str, *args: Any, **more: Any) -> Command:
        told = [arg.notation if isinstance(arg, Raw) else notation(arg) for arg in args]
        return self.client.start("call", on="c", method=method, args=told, **more)

    def call(self, method: str, *args: Any, **more: Any) -> Any:
        return self.start(method, *args, **more).result()

    def error(self, method: str, *args: Any, **more: Any) -> PeerError:
        return self.start(method, *args, **more).error()

    def is_idle(self) -> bool:
        """No call is under way, on either side."""
        running = self.of_server()["running_calls" if self.server.in_python else "runningCalls"]
        return not running and not self.client.do("status", on="c")["pending_calls"]

    def of_server(self) -> Any:
        return self.server.do("server_status", **{"as": "s"})
