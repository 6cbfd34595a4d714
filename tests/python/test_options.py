from __future__ import annotations

import inspect
import pydoc
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from parameter_ids import shown

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


@pytest.mark.parametrize("options", SERVE, ids=shown)
def test_serve_names_the_option_that_it_refuses(options: dict[str, Any]) -> None:
    assert next(iter(options)) in refusal(ipc.serve, "calc", {"f": len}, **options)


@pytest.mark.parametrize("options", CONNECT, ids=shown)
def test_connect_names_the_option_that_it_refuses(options: dict[str, Any]) -> None:
    assert next(iter(options)) in refusal(ipc.connect, "calc", connect_timeout=0, **options)


@pytest.mark.parametrize(
    ("limit", "least"),
    [("max_message_bytes", 1024), ("max_pending_bytes", 1024), ("max_pending_calls", 1), ("max_bytes_per_user", 1024)],
)
def test_a_limit_that_no_call_could_keep_is_refused_and_the_least_is_told(limit: str, least: int, serve: Any) -> None:
    for value in (0, least - 1):
        said = refusal(ipc.serve, "calc", {"f": len}, limits={limit: value})
        assert said.startswith(f"limits: {limit} is an integer from {least} to ")
    serve("calc", {"f": len}, limits={limit: least})


def test_calls_fit_the_least_limits(serve: Any, connect: Any) -> None:
    least = {"max_message_bytes": 1024, "max_pending_bytes": 1024, "max_pending_calls": 1}
    serve("calc", {"add": lambda a, b: a + b}, limits={**least, "max_bytes_per_user": 1024})
    calc = connect("calc", limits=least, max_queued_bytes=0)
    assert [calc.add(number, b=0.5) for number in range(3)] == [0.5, 1.5, 2.5]


def test_a_mode_is_told_in_octal(serve: Any) -> None:
    assert "mode is an integer from 0 to 0o777, not 1000" in refusal(ipc.serve, "calc", {"f": len}, mode=1000)


def test_a_name_is_shown_as_it_was_written() -> None:
    assert refusal(ipc.connect, "caf\u00e9").startswith("'caf\u00e9' is no service name")
    assert refusal(ipc.connect, "a\x1b[31m\u202eb").startswith("'a?[31m???b' is no service name")


@pytest.mark.parametrize("options", CALLS, ids=shown)
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


@pytest.mark.parametrize("address", [None, 5, [5]], ids=shown)
def test_an_address_is_a_string_or_several(address: Any) -> None:
    assert "address" in refusal(ipc.connect, address)


def test_serve_looks_at_the_name_first() -> None:
    assert "no service name" in refusal(ipc.serve, "n b", {})
    assert "name of a service" in refusal(ipc.serve, 5, {})
