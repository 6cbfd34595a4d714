from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from children import Children
from either import KINDS, BlockingServer, Loop, LoopServer, Run
from streaming import Rows

import ipcbridge as ipc


@pytest.fixture(autouse=True)
def names_directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of names of its own for each test; short, because a socket's path may have 107 bytes."""
    directory = Path(tempfile.mkdtemp(prefix="ipcb-"))
    monkeypatch.setenv("IPCBRIDGE_DIR", str(directory))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(params=["name", "unix", "shm"])
def address(request: pytest.FixtureRequest, names_directory: Path) -> str:
    """A free address of each kind."""
    if request.param == "name":
        return "calc"
    return f"{request.param}://{names_directory}/calc.socket"


@pytest.fixture
def children() -> Iterator[Children]:
    """Starts Python processes, and ends what is left of them."""
    started = Children()
    yield started
    started.end()


@pytest.fixture
def serve() -> Iterator[Any]:
    """ipc.serve, closed at the end of the test."""
    servers: list[ipc.Server] = []

    def start(*args: Any, **kwargs: Any) -> ipc.Server:
        servers.append(ipc.serve(*args, **kwargs))
        return servers[-1]

    yield start
    for server in servers:
        server.close(grace=1)


@pytest.fixture(params=KINDS)
def serve_either(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A server of each Python API, with the same methods; closed at the end of the test."""
    loop = None if request.param == "blocking" else Loop(request.param)
    servers: list[Any] = []

    def start(*args: Any, **kwargs: Any) -> Any:
        servers.append(BlockingServer(*args, **kwargs) if loop is None else LoopServer(loop, *args, **kwargs))
        return servers[-1]

    yield start
    for server in servers:
        server.close(grace=1)
    if loop is not None:
        loop.end()


@pytest.fixture
def connect() -> Iterator[Any]:
    """ipc.connect, closed at the end of the test."""
    proxies: list[Any] = []

    def start(*args: Any, **kwargs: Any) -> Any:
        proxies.append(ipc.connect(*args, **kwargs))
        return proxies[-1]

    yield start
    for proxy in proxies:
        ipc.close(proxy)


@pytest.fixture(params=["asyncio", "asyncio debug", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """asyncio.run on each kind of loop; a coroutine that takes longer than 30 s, or than --timeout says, fails."""
    limit = request.config.getoption("--timeout") or 30

    def start(coroutine: Coroutine[Any, Any, Any]) -> Any:
        limited = asyncio.wait_for(coroutine, limit)

        async def main() -> Any:
            return await limited

        if request.param == "uvloop":
            return uvloop.run(main())
        return asyncio.run(main(), debug="debug" in request.param)

    return start


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def served_rows(rows: Rows, serve_either: Any) -> Rows:
    """Under the name `rows`."""
    serve_either("rows", rows)
    return rows
