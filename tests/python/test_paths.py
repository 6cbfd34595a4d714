"""Paths are bytes: those that are no UTF-8, and strings that no path or name can be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import ipcbridge as ipc
from ipcbridge import aio

LATIN = os.fsdecode(b"caf\xe9")
SURROGATE = "f\ud800"


@pytest.fixture
def latin(names_directory: Path) -> Path:
    """A directory whose name is no UTF-8."""
    made = names_directory / LATIN
    made.mkdir(mode=0o700)
    return made


@pytest.mark.parametrize("scheme", ["unix", "shm"])
def test_a_path_that_is_no_utf8_is_served_and_found(serve_either: Any, connect: Any, latin: Path, scheme: str) -> None:
    address = f"{scheme}://{latin}/calc.socket"
    server = serve_either(address, {"add": lambda a: a + 1})
    assert server.status()["path"] == f"{latin}/calc.socket"
    assert server.status()["address"] == address
    calc = connect(address)
    assert calc.add(1) == 2
    assert ipc.status(calc)["address"] == address
    ipc.close(calc)
    assert ipc.status(calc)["address"] == address


def test_the_directory_of_names_may_be_such_a_path(
    serve_either: Any, connect: Any, latin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPCBRIDGE_DIR", str(latin))
    server = serve_either("calc", {"add": lambda a: a + 1})
    assert server.status()["path"] == f"{latin}/calc.sock"
    assert connect("calc").add(1) == 2


def test_who_is_not_there_is_told_of_whatever_the_path(latin: Path) -> None:
    with pytest.raises(ipc.Unavailable):
        ipc.connect(f"unix://{latin}/nobody", connect_timeout=0)


@pytest.mark.parametrize("address", [SURROGATE, f"unix:///tmp/{SURROGATE}", f"{LATIN}"])
def test_what_no_address_can_be_is_an_invalid_argument(serve_either: Any, run: Any, address: str) -> None:
    for attempt in (
        lambda: serve_either(address, {"f": len}),
        lambda: ipc.connect(address, connect_timeout=0),
        lambda: ipc.connect(["calc", address], connect_timeout=0),
        lambda: run(aio.connect(address, connect_timeout=0)),
    ):
        with pytest.raises(ipc.IpcError) as caught:
            attempt()
        assert caught.value.code == "invalid_argument"


def test_other_names_with_lone_surrogates_are_invalid_arguments(serve_either: Any) -> None:
    for options in ({"allow": [SURROGATE]}, {"allow": [f"group:{SURROGATE}"]}, {"limits": {SURROGATE: 1}}):
        with pytest.raises(ipc.IpcError) as caught:
            serve_either("calc", {"f": len}, **options)
        assert caught.value.code == "invalid_argument"
    with pytest.raises(ipc.IpcError, match="lone surrogate") as caught:
        serve_either("calc", {SURROGATE: len})
    assert caught.value.code == "invalid_argument"


def test_no_service_has_such_a_method(serve: Any, connect: Any, run: Any) -> None:
    serve("calc", {"f": len})
    calc = connect("calc")
    assert not hasattr(calc, SURROGATE)
    with pytest.raises(ipc.IpcError) as caught:
        ipc.call(calc, SURROGATE)
    assert caught.value.code == "unimplemented"

    async def by_loop() -> None:
        remote = await aio.connect("calc")
        assert not hasattr(remote, SURROGATE)
        with pytest.raises(ipc.IpcError) as caught:
            await aio.call(remote, SURROGATE)
        assert caught.value.code == "unimplemented"
        await aio.close(remote)

    run(by_loop())
