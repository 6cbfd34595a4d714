from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# pytest imports test files by path (importmode=importlib), so their helpers need one.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "values")]

from harness import Peer, Pipe, Pool  # noqa: E402
from pairs import PAIRS, TRANSPORTS, Pair, make_address  # noqa: E402
from recipes import Recipes  # noqa: E402


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    peers = Pool()
    yield peers
    peers.close()


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of names of its own for each test; short, because a socket's path may have 107 bytes."""
    made = Path(tempfile.mkdtemp(prefix="ipcb-"))
    monkeypatch.setenv("IPCBRIDGE_DIR", str(made))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def peers(pool: Pool, directory: Path) -> Iterator[Any]:
    """Makes peers of a kind; with a prefix (`taskset -c 0`), or to be killed, one that nobody else uses."""
    pooled: list[Peer] = []
    own: list[Peer] = []

    def make(kind: str, *prefix: str, reuse: bool = True, pass_fds: tuple[int, ...] = ()) -> Peer:
        if reuse and not prefix:
            pooled.append(pool.take(kind, directory))
            return pooled[-1]
        own.append(Peer(kind, prefix, pass_fds))
        own[-1].do("directory", path=str(directory))
        return own[-1]

    yield make
    for peer in own:
        peer.dispose()
    for peer in pooled:
        pool.give_back(peer)


@pytest.fixture
def pipe(directory: Path) -> Iterator[Pipe]:
    made = Pipe(directory / "pipe")
    yield made
    made.close()


@pytest.fixture
def recipes(directory: Path) -> Iterator[Recipes]:
    made = Recipes()
    yield made
    made.end()


@pytest.fixture(params=TRANSPORTS)
def address(request: pytest.FixtureRequest, directory: Path) -> str:
    return make_address(request.param, directory)


@pytest.fixture(params=PAIRS, ids="-to-".join)
def kinds(request: pytest.FixtureRequest) -> tuple[str, str]:
    """What the client is and what the server is."""
    kinds: tuple[str, str] = request.param
    return kinds


@pytest.fixture
def pair(kinds: tuple[str, str], address: str, peers: Any) -> Pair:
    """A client connected to a server, over each transport."""
    return Pair(peers(kinds[0]), peers(kinds[1]), address)


@pytest.fixture
def local_pair(kinds: tuple[str, str], peers: Any) -> Pair:
    """A client connected to a server by its name alone: for what costs too much to do over each transport."""
    return Pair(peers(kinds[0]), peers(kinds[1]), "calc")
