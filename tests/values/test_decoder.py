"""The decoder takes the bytes of docs/values.md and nothing else, whatever lengths they announce."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Callable
from typing import Any

import pytest
import reference
from reference import BIG_INT, KWARGS, LOCAL_DATETIME, MAP, MAX_DEPTH, SET, TIMESTAMP
from value_notation import mutated, show

from ipcbridge._errors import IpcError
from ipcbridge._values import decode, decode_args


def _refused(read: Callable[[bytes], Any], data: bytes) -> bool:
    """Whether the bytes are refused, as malformed."""
    return _outcome(read, data) == "data_loss"


# Of lists, maps, strings, bytes: the first byte of the short form, its largest size, the longer forms.
_LIST = (0x90, 15, {0xDC: ">H", 0xDD: ">I"})
_MAP = (0x80, 15, {0xDE: ">H", 0xDF: ">I"})
_TEXT = (0xA0, 31, {0xD9: ">B", 0xDA: ">H", 0xDB: ">I"})
_BYTES = (0xC4, -1, {0xC4: ">B", 0xC5: ">H", 0xC6: ">I"})
_NUMBERS = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_FIXED = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}


def _ext(tag: int, contents: bytes) -> bytes:
    return b"\xc9" + struct.pack(">Ib", len(contents), tag) + contents


def _all_heads(size: int, forms: tuple[int, int, dict[int, str]]) -> list[bytes]:
    short, most, longer = forms
    heads = [bytes((short | size,))] if size <= most else []
    for head, width in longer.items():
        if size < 1 << 8 * struct.calcsize(width):
            heads.append(bytes((head,)) + struct.pack(width, size))
    return heads


def _text(text: str) -> bytes:
    data = text.encode()
    return _all_heads(len(data), _TEXT)[0] + data


def _ext_heads(size: int, tag: int) -> list[bytes]:
    heads = [bytes((_FIXED[size],))] if size in _FIXED else []
    heads += _all_heads(size, (0, -1, {0xC7: ">B", 0xC8: ">H", 0xC9: ">I"}))
    return [head + struct.pack(">b", tag) for head in heads]


# One value for every first byte there is, but for numbers in that byte.
_EACH_FORM = [
    *(b"\x00", b"\x7f", b"\xe0", b"\xff", b"\xc0", b"\xc2", b"\xc3"),
    *(bytes((head, *range(size))) for head, size in _NUMBERS.items()),
    *(head + b"ab" for forms in (_TEXT, _BYTES) for head in _all_heads(2, forms)),
    *(head + b"\xa1a" * 2 for head in _all_heads(2, _LIST)),
    *(head + b"\xa1a\x01" * 2 for head in _all_heads(2, _MAP)),
    *(head + bytes(size) for size in (*_FIXED, 3) for head in _ext_heads(size, BIG_INT)),
    *(head + b"\x92\x01\x02" for tag in (SET, MAP) for head in _ext_heads(3, tag)),
]


@pytest.mark.parametrize("data", _EACH_FORM, ids=bytes.hex)
def test_exactly_one_whole_value_is_taken(data: bytes) -> None:
    for prefix in (b"", b"\x91", b"\x93\x01\x02", b"\x81\xa1k", b"\xdd\0\0\0\1"):
        whole = prefix + data
        assert show(decode(whole)) == show(reference.decode(whole))
        assert show(decode_args(b"\x91" + whole)) == show(((decode(whole),), {}))
        for end in range(len(whole)):
            assert _refused(decode, whole[:end])
            assert _refused(decode_args, (b"\x91" + whole)[: end + 1])
        for more in (b"\0", b"\xc0", data):
            assert _refused(decode, whole + more)
            assert _refused(decode_args, b"\x91" + whole + more)


def test_sizes_beyond_the_end_are_refused() -> None:
    for head in (0xC6, 0xC9, 0xDB, 0xDD, 0xDF):
        for size in (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\x09"):
            data = bytes((head,)) + size + b"\x01" * 8
            assert _refused(decode, data)
            assert _refused(decode_args, b"\x91" + data)
            assert _refused(decode, _ext(MAP, b"\x92\x01" + data))


def test_a_byte_that_messagepack_never_uses_is_refused() -> None:
    assert _refused(decode, b"\xc1")
    assert _refused(decode, b"\x91\xc1")
    assert _refused(decode_args, b"\x91\xc1")


def test_a_set_or_a_dict_with_any_keys_holds_exactly_one_list() -> None:
    for tag in (SET, MAP):
        decode(_ext(tag, b"\x92\x01\x02"))
        inside = (b"", b"\xc0", b"\x80", b"\x92\x01", b"\x92\x01\x02\x03", _ext(SET, b"\x90"))
        for contents in inside:
            # What stands behind must not complete it, nor what is left over be read as the outer list's.
            for around in (b"%b", b"\x92%b\x01", b"\x91%b", b"\x93%b\x01\x02"):
                assert _refused(decode, around % _ext(tag, contents)), contents.hex()
    assert _refused(decode, _ext(MAP, b"\x91\x01"))
    assert decode(_ext(SET, b"\x91\x01")) == {1}


def test_what_is_left_over_of_a_set_is_not_the_next_item() -> None:
    assert _refused(decode, b"\x92" + _ext(SET, b"\x91\x01\x02"))
    assert _refused(decode, _ext(SET, b"\x92" + _ext(SET, b"\x91\x01\x02")))


def test_keywords_are_a_map_at_the_end_of_the_arguments() -> None:
    keywords = _ext(KWARGS, b"\x81\xa1a\x01")
    assert decode_args(b"\x91" + keywords) == ((), {"a": 1})
    assert decode_args(b"\x92\x01" + keywords) == ((1,), {"a": 1})
    assert decode_args(b"\x91" + _ext(KWARGS, b"\x81\xa1a" + _ext(SET, b"\x90"))) == ((), {"a": set()})
    assert decode_args(b"\x92" + _ext(SET, b"\x90") + keywords) == ((set(),), {"a": 1})
    for elsewhere in (keywords, b"\x92%b\x01" % keywords, b"\x91\x91" + keywords, b"\x92" + 2 * keywords):
        assert _refused(decode_args, elsewhere)
    assert _refused(decode_args, b"\x92" + keywords)  # one argument is missing
    assert _refused(decode_args, b"\x91" + _ext(KWARGS, b"\x81\xa1a") + b"\x01")  # what is behind completes it
    for inside in (b"", b"\x90", b"\x01", b"\x81\xa1a", b"\x80\x01", b"\x81\xa1a" + keywords):
        assert _refused(decode_args, b"\x91" + _ext(KWARGS, inside))
    assert _refused(decode_args, b"\x91" + keywords + b"\x01")
    assert _refused(decode, b"\x91" + keywords)
    assert _refused(decode, keywords)


def test_arguments_are_a_list() -> None:
    for data in (b"", b"\x01", b"\x81\xa1a\x01", _ext(SET, b"\x90")):
        assert _refused(decode_args, data)
    assert decode_args(b"\x90") == ((), {})


_AROUND: dict[str, Callable[[bytes], bytes]] = {
    "list": lambda value: b"\x91" + value,
    "long list": lambda value: b"\xdd\0\0\0\3\1\1" + value,
    "dict": lambda value: b"\x81\xa1k" + value,
    "set": lambda value: _ext(SET, b"\x91" + value),
    "dict with any keys": lambda value: _ext(MAP, b"\x94\1\1\2" + value),
}


@pytest.mark.parametrize("around", _AROUND.values(), ids=_AROUND)
@pytest.mark.parametrize("innermost", [b"\x90", _ext(SET, b"\x90")], ids=bytes.hex)
def test_at_most_128_levels(around: Callable[[bytes], bytes], innermost: bytes) -> None:
    value = innermost
    for _ in range(MAX_DEPTH - 1):
        value = around(value)
    for too_many in (False, True):
        assert _refused(decode, value) is too_many
        assert _refused(decode_args, b"\x92\x01" + value) is too_many
        assert _refused(decode_args, b"\x91" + _ext(KWARGS, b"\x81\xa1k" + value)) is too_many
        value = around(value)


def test_levels_that_are_closed_do_not_count() -> None:
    shallow = b"\xdc\x01\x00" + (b"\x91\x90" + _ext(SET, b"\x90")) * 128
    assert len(decode(shallow)) == 256
    decode(b"\x91" * 125 + shallow)
    assert _refused(decode, b"\x91" * 126 + shallow)


def test_what_is_decoded() -> None:
    assert decode(memoryview(b"\x00\x91\x01")[1:]) == decode(bytearray(b"\x91\x01")) == [1]
    assert _refused(decode, memoryview(b""))
    with pytest.raises(BufferError):
        decode(memoryview(b"\x91\x91\x01")[::2])
    with pytest.raises(TypeError):
        decode("a")  # type: ignore[arg-type]


def test_keys_that_share_their_ends_are_told_apart() -> None:
    keys = [f"beginning{middle}the ending" for middle in range(1000)] + ["", "a", "é", "\0", "ab", "ba", "k" * 33]
    for _ in range(2):
        for key in keys:
            assert decode(b"\x81" + _text(key) + b"\x01") == {key: 1}


class _Writer:
    """Writes values at random, in any form that a decoder takes; and a few that it does not."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def value(self, depth: int) -> bytes:
        kind = self._rng.randrange(12 if depth else 8)
        if kind < 2:
            return bytes((self._rng.choice([0x00, 0x7F, 0xE0, 0xFF, 0xC0, 0xC2, 0xC3]),))
        if kind == 2:
            head, size = self._rng.choice(list(_NUMBERS.items()))
            return bytes((head,)) + self._rng.randbytes(size)
        if kind < 5:
            return self._text()
        if kind == 5:
            size = self._rng.randrange(20)
            return self._head(size, _BYTES) + self._rng.randbytes(size)
        if kind < 8:
            return self._scalar_extension()
        items = self._rng.randrange(4)
        if kind == 8:
            return self._head(items, _LIST) + self._values(items, depth)
        if kind == 9:
            return self.dict(items, depth)
        tag = self._rng.choice([SET, MAP])
        items *= 2 if tag == MAP else 1
        return self.extension(tag, self._head(items, _LIST) + self._values(items, depth))

    def dict(self, items: int, depth: int) -> bytes:
        return self._head(items, _MAP) + b"".join(self._text() + self.value(depth - 1) for _ in range(items))

    def extension(self, tag: int, contents: bytes) -> bytes:
        return self._rng.choice(_ext_heads(len(contents), tag)) + contents

    def _values(self, items: int, depth: int) -> bytes:
        return b"".join(self.value(depth - 1) for _ in range(items))

    def _text(self) -> bytes:
        text = self._rng.choice(["", "k", "key", "é" * 17, "😀", "\0"]).encode()
        return self._head(len(text), _TEXT) + text

    def _scalar_extension(self) -> bytes:
        tag = self._rng.choice([TIMESTAMP, BIG_INT, LOCAL_DATETIME, LOCAL_DATETIME, 6, -2])
        size = self._rng.choice([0, 3, 4, 8, 12, 16])
        return self.extension(tag, self._rng.randbytes(size) if tag == BIG_INT else bytes(size))

    def _head(self, size: int, forms: tuple[int, int, dict[int, str]]) -> bytes:
        return self._rng.choice(_all_heads(size, forms))


def _outcome(read: Callable[[bytes], Any], data: bytes) -> str:
    try:
        return show(read(data))
    except IpcError as error:
        return error.code


def _check(data: bytes) -> None:
    assert _outcome(decode, data) == _outcome(reference.decode, data), data.hex()
    assert _outcome(decode_args, data) == _outcome(reference.decode_args, data), data.hex()


def test_random_values_decode_as_the_rules_say_whole_and_damaged() -> None:
    rng = random.Random(11)
    for _ in range(3000):
        writer = _Writer(rng)
        value = writer.value(5)
        keywords = writer.extension(KWARGS, writer.dict(rng.randrange(4), 3))
        arguments = b"\x92" + value + rng.choice([value, keywords])
        for data in (value, arguments, *(mutated(whole, rng) for whole in (value, arguments) for _ in range(4))):
            _check(data)


def test_random_nests_near_the_limit_decode_as_the_rules_say() -> None:
    rng = random.Random(12)
    around = list(_AROUND.values())
    around.remove(_AROUND["set"])  # in which little can be hashed
    for levels, _ in itertools.product(range(MAX_DEPTH - 1, MAX_DEPTH + 3), range(20)):
        value = b"\x01"
        for _ in range(levels):
            value = rng.choice(around)(value)
        for data in (value, b"\x91" + value, b"\x91" + _ext(KWARGS, b"\x81\xa1a" + value), mutated(value, rng)):
            _check(data)
