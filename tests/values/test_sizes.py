"""How much one message may hold, and how alike its keys may be: docs/values.md, "Size" and "Keys"."""

from __future__ import annotations

import itertools
import struct
import sys
from typing import Any, Callable

import pytest
from reference import BIG_INT, KWARGS, MAP, SET
from reference import extension as encoded_extension
from value_notation import VECTORS

from ipcbridge._errors import IpcError
from ipcbridge._values import decode, decode_args, encode_args, encode_result

MAX_WEIGHT = 8_388_608
MAX_COLLISIONS = 64
SIZES = VECTORS["sizes"]
NONES_THAT_FIT = MAX_WEIGHT - 4


def refuses(do: Callable[..., Any], *args: Any) -> str:
    with pytest.raises(IpcError) as caught:
        do(*args)
    assert caught.value.code == "resource_exhausted"
    return str(caught.value)


def sized(vector: dict[str, Any], count: int) -> bytes:
    return bytes.fromhex(vector["head"]) + struct.pack(">I", count) + bytes.fromhex(vector["item"]) * count


def nones(count: int) -> bytes:
    return b"\xdd" + struct.pack(">I", count) + b"\xc0" * count


@pytest.mark.parametrize("vector", SIZES, ids=[vector["name"] for vector in SIZES])
def test_a_message_of_more_weight_is_refused(vector: dict[str, Any]) -> None:
    fitting, beyond = sized(vector, vector["fits"]), sized(vector, vector["fits"] + 1)
    decode(fitting)
    assert "8,388,608" in refuses(decode, beyond)


def test_arguments_and_keywords_are_weighed_together() -> None:
    def keywords(count: int) -> bytes:
        return b"\x91" + encoded_extension(KWARGS, b"\x81\xa1a" + nones(count))

    assert len(decode_args(b"\x91" + nones(NONES_THAT_FIT - 4))[0][0]) == NONES_THAT_FIT - 4
    refuses(decode_args, b"\x91" + nones(NONES_THAT_FIT - 3))
    assert len(decode_args(keywords(NONES_THAT_FIT - 13))[1]["a"]) == NONES_THAT_FIT - 13
    refuses(decode_args, keywords(NONES_THAT_FIT - 12))
    encode_args((), {"a": [None] * (NONES_THAT_FIT - 13)})
    refuses(encode_args, (), {"a": [None] * (NONES_THAT_FIT - 12)})


def test_what_weighs_too_much_is_weighed_before_its_items_are_read() -> None:
    malformed_behind = nones(MAX_WEIGHT)[:-1] + b"\xc1"
    refuses(decode, malformed_behind)
    refuses(decode_args, b"\x91" + encoded_extension(KWARGS, b"\x81\xa1a" + malformed_behind))


def test_what_may_be_sent_is_what_may_be_received() -> None:
    fitting, beyond = [None] * NONES_THAT_FIT, [None] * (NONES_THAT_FIT + 1)
    assert len(decode(encode_result(fitting))) == NONES_THAT_FIT
    refuses(encode_result, beyond)
    refuses(encode_args, (beyond,), {})
    refuses(encode_args, (), {"a": beyond})
    refuses(encode_result, [frozenset({(1,)}), beyond])
    refuses(encode_result, {1: beyond})


@pytest.mark.parametrize(
    "value",
    [[0.5] * 1_000_000, [{f"column{index}": index for index in range(20)}] * 100_000, [{"x": 1.5, "y": 2}] * 1_000_000],
    ids=["a million floats", "100,000 rows of 20 columns", "a million points"],
)
def test_large_tables_pass(value: list[Any]) -> None:
    assert decode(encode_result(value)) == value


def big_ints(count: int) -> list[Any]:
    """Integers that all hash to 0."""
    return [(2**70 + k) * sys.hash_info.modulus for k in range(count)]


def tuples(count: int) -> list[Any]:
    """Tuples of one hash: -1 and -2 hash alike."""
    return list(itertools.islice(itertools.product((-1, -2), repeat=12), count))


def pairs(keys: list[Any]) -> list[Any]:
    return [item for key in keys for item in (key, None)]


def extension(tag: int, items: list[Any]) -> bytes:
    """What no Python process could make in time."""
    return encoded_extension(tag, encode_result(items))


@pytest.mark.parametrize("alike", [big_ints, tuples])
def test_keys_chosen_to_have_one_hash_are_refused(alike: Callable[[int], list[Any]]) -> None:
    fitting, beyond = alike(MAX_COLLISIONS), alike(MAX_COLLISIONS + 1)
    others = list(range(1, 1001))
    assert len({hash(key) for key in beyond}) == 1
    assert decode(extension(SET, others + fitting)) == {*others, *fitting}
    assert decode(extension(MAP, pairs(others + fitting))) == dict.fromkeys(others + fitting)
    assert "64 keys of the same hash" in refuses(decode, extension(SET, others + beyond))
    refuses(decode, extension(MAP, pairs(others + beyond)))
    refuses(decode_args, b"\x91" + extension(SET, others + beyond))


def test_large_sets_of_ordinary_keys_pass() -> None:
    count = 20_000
    for keys in (
        range(count),
        map(str, range(count)),
        ((1 << 62) + k for k in range(count)),
        ((1 << 100) + k for k in range(count)),
        (k << 64 for k in range(count)),
        (k / 1024 for k in range(count)),
        ((k, -k) for k in range(count)),
        (frozenset((k, k + 1)) for k in range(count)),
        (None, *range(count), *map(str, range(count)), *map(bytes, range(200))),
    ):
        value = set(keys)
        assert decode(encode_result(value)) == value
        assert decode(encode_result(dict.fromkeys(value))) == dict.fromkeys(value)


def test_many_integers_of_one_hash_in_a_list_are_only_integers() -> None:
    assert decode(encode_result(big_ints(1000))) == big_ints(1000)
    assert BIG_INT in encode_result(big_ints(1))
