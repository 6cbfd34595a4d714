"""The conformance suite shared with values.test.mjs: what both languages encode to, and what both refuse to decode."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import reference
from value_notation import VECTORS, build, bytes_of, mutated, show

from ipcbridge._errors import IpcError
from ipcbridge._values import decode, decode_args, encode_args, encode_result


def _named(kind: str) -> Any:
    vectors = [vector for vector in VECTORS[kind] if vector.get("only", "python") == "python"]
    return pytest.mark.parametrize("vector", vectors, ids=[vector["name"] for vector in vectors])


@_named("values")
def test_value(vector: dict[str, Any]) -> None:
    data, value = bytes_of(vector), build(vector["value"])
    assert show(decode(data)) == show(value)
    assert show(decode(memoryview(data))) == show(value)
    assert show(reference.decode(data)) == show(value)
    if "python" in vector.get("encode", ["python"]):
        assert encode_result(value).hex() == data.hex()


@_named("malformed")
def test_malformed_value(vector: dict[str, Any]) -> None:
    for read in (decode, reference.decode):
        with pytest.raises(IpcError) as caught:
            read(bytes_of(vector))
        assert caught.value.code == vector["code"]


@_named("arguments")
def test_arguments(vector: dict[str, Any]) -> None:
    data = bytes_of(vector)
    args, kwargs = tuple(build(vector["args"])), build({"object": vector["kwargs"] or []})
    assert show(decode_args(data)) == show((args, kwargs))
    assert show(reference.decode_args(data)) == show((args, kwargs))
    if "encode" not in vector:
        assert encode_args(args, kwargs).hex() == data.hex()


@_named("malformed_arguments")
def test_malformed_arguments(vector: dict[str, Any]) -> None:
    for read in (decode_args, reference.decode_args):
        with pytest.raises(IpcError) as caught:
            read(bytes_of(vector))
        assert caught.value.code == "data_loss"


def _outcome(read: Callable[[bytes], Any], data: bytes) -> str:
    try:
        return show(read(data))
    except IpcError as error:
        return error.code


def test_bytes_changed_at_random_decode_as_the_rules_say() -> None:
    rng = random.Random(7)
    kinds = ("values", "malformed", "arguments")
    seeds = [data for kind in kinds for data in map(bytes_of, VECTORS[kind]) if len(data) < 600]
    for index in range(40_000):
        data = mutated(seeds[index % len(seeds)], rng)
        assert _outcome(decode, data) == _outcome(reference.decode, data), data.hex()
        assert _outcome(decode_args, data) == _outcome(reference.decode_args, data), data.hex()
