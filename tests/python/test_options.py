from __future__ import annotations

import inspect
import pydoc
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

import ipcbridge as ipc
from ipcbridge import _native, aio


async def _tell(error: BaseException, method: str) -> None: ...


SERVE = [
    {"serial": "no"},
    {"executor": 5},
    {"executor": ProcessPoolExecutor(1)},
    {"on_error": 5},
    {"on_error": _tell},
    {"mode": "x"},
    {"mode": -1},
    {"mode": 0o7777},
    {"allow": [-1]},
    {"allow": 1.5},
    {"takeover": 5},
    {"takeover": "steal"},
    {"limits": [1]},
    {"limits": {"max_pending_calls": "x"}},
    {"limits": {"max_message_bytes": 2**32}},
]
CONNECT = [{"max_queued_bytes": -1}, {"max_queued_bytes": "x"}, {"allow": [-1]}, {"limits": 5}]
CALLS = [{"idempotent": "no"}, {"wait_for_ready": 1}, {"metadata": []}]


@pytest.mark.parametrize(
    "function",
    [
        ipc.connect,
        ipc.serve,
        ipc.close,
        ipc.Server.close,
        aio.connect,
        aio.serve,
        aio.close,
        aio.Server.close,
    ],
)
def test_the_signature_shows_the_defaults_of_the_core(function: Any) -> None:
    shown = {name: each.default for name, each in inspect.signature(function).parameters.items()}
    known = {name: value for name, value in _native.DEFAULTS.items() if name in shown}
    assert known
    assert {name: shown[name] for name in known} == known


def refusal(function: Any, *args: Any, **options: Any) -> str:
    with pytest.raises(ipc.IpcError) as caught:
        function(*args, **options)
    assert caught.value.code == "invalid_argument"
    return str(caught.value)


@pytest.mark.parametrize("options", SERVE, ids=repr)
def test_serve_names_the_option_that_it_refuses(options: dict[str, Any]) -> None:
    assert next(iter(options)) in refusal(ipc.serve, "calc", {"f": len}, **options)


@pytest.mark.parametrize("options", CONNECT, ids=repr)
def test_connect_names_the_option_that_it_refuses(options: dict[str, Any]) -> None:
    assert next(iter(options)) in refusal(ipc.connect, "calc", connect_timeout=0, **options)


@pytest.mark.parametrize("options", CALLS, ids=repr)
def test_with_options_names_the_option_that_it_refuses(options: dict[str, Any], serve: Any, connect: Any) -> None:
    serve("calc", {"f": len})
    assert next(iter(options)) in refusal(ipc.with_options, connect("calc"), **options)


def test_metadata_that_cannot_be_sent_is_named(serve: Any, connect: Any) -> None:
    serve("calc", {"f": len})
    refused = refusal(ipc.with_options, connect("calc"), metadata={"user": {"key": object()}})
    assert refused.startswith("metadata.user.key cannot be sent: ")


def test_options_are_refused_for_a_method(serve: Any, connect: Any) -> None:
    serve("calc", {"f": len})
    calc = connect("calc")
    assert "not a method: pass the service itself" in refusal(ipc.with_options, calc.f, timeout=1)


def test_help_shows_what_need_not_be_given_without_addresses() -> None:
    text = pydoc.plain(pydoc.render_doc(ipc.with_options))
    assert "| Unset' = ..." in text
    assert " at 0x" not in text


@pytest.mark.parametrize("address", [None, 5, [5]], ids=repr)
def test_an_address_is_a_string_or_several(address: Any) -> None:
    assert "address" in refusal(ipc.connect, address)


def test_serve_looks_at_the_name_first() -> None:
    assert "no service name" in refusal(ipc.serve, "n b", {})
    assert "name of a service" in refusal(ipc.serve, 5, {})
