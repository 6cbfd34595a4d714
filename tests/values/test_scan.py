"""The native scanner, which decides what ormsgpack may decode: it must never let through what `_strict` refuses."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Callable
from typing import Any

import pytest
from value_notation import mutated, show

from ipcbridge import _native
from ipcbridge._errors import IpcError
from ipcbridge._native import EXTENDED, KEYWORDS, PLAIN, scan_arguments, scan_value
from ipcbridge._values import _strict, decode, decode_args
from ipcbridge._values._wire import BIG_INT, KWARGS, LOCAL_DATETIME, MAP, MAX_DEPTH, SET, TIMESTAMP

REFUSED = 0

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
    *(head + bytes(size) for size in (0, *_FIXED, 3) for head in _ext_heads(size, BIG_INT)),
    *(head + b"\x92\x01\x02" for tag in (SET, MAP) for head in _ext_heads(3, tag)),
]


@pytest.mark.parametrize("data", _EACH_FORM, ids=bytes.hex)
def test_exactly_one_whole_value_is_taken(data: bytes) -> None:
    for prefix in (b"", b"\x91", b"\x93\x01\x02", b"\x81\xa1k", b"\xdd\0\0\0\1"):
        whole = prefix + data
        extended = 0xC7 <= data[0] <= 0xC9 or 0xD4 <= data[0] <= 0xD8
        assert scan_value(whole) == (EXTENDED if extended else PLAIN)
        assert scan_arguments(b"\x91" + whole) == scan_value(whole)
        for end in range(len(whole)):
            assert scan_value(whole[:end]) == REFUSED
            assert scan_arguments((b"\x91" + whole)[: end + 1]) == REFUSED
        for more in (b"\0", b"\xc0", data):
            assert scan_value(whole + more) == REFUSED
            assert scan_arguments(b"\x91" + whole + more) == REFUSED


def test_sizes_beyond_the_end_are_refused() -> None:
    for head in (0xC6, 0xC9, 0xDB, 0xDD, 0xDF):
        for size in (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\x09"):
            data = bytes((head,)) + size + b"\x01" * 8
            assert scan_value(data) == REFUSED
            assert scan_arguments(b"\x91" + data) == REFUSED
            assert scan_value(_ext(SET, b"\x91" + data)) == REFUSED


def test_a_byte_that_messagepack_never_uses_is_refused() -> None:
    assert scan_value(b"\xc1") == scan_value(b"\x91\xc1") == scan_arguments(b"\x91\xc1") == REFUSED


def test_a_set_or_a_dict_with_any_keys_holds_exactly_one_list() -> None:
    for tag in (SET, MAP):
        assert scan_value(_ext(tag, b"\x92\x01\x02")) == EXTENDED
        inside = (b"", b"\xc0", b"\x80", b"\x92\x01", b"\x92\x01\x02\x03", _ext(SET, b"\x90"))
        for contents in inside:
            # What stands behind must not complete it, nor what is left over be read as the outer list's.
            for around in (b"%b", b"\x92%b\x01", b"\x91%b", b"\x93%b\x01\x02"):
                assert scan_value(around % _ext(tag, contents)) == REFUSED, contents.hex()
    assert scan_value(_ext(MAP, b"\x91\x01")) == REFUSED
    assert scan_value(_ext(SET, b"\x91\x01")) == EXTENDED


def test_what_is_left_over_of_a_set_is_not_the_next_item() -> None:
    assert scan_value(b"\x92" + _ext(SET, b"\x91\x01\x02")) == REFUSED
    assert scan_value(_ext(SET, b"\x92" + _ext(SET, b"\x91\x01\x02"))) == REFUSED


def test_keywords_are_a_map_at_the_end_of_the_arguments() -> None:
    keywords = _ext(KWARGS, b"\x81\xa1a\x01")
    assert scan_arguments(b"\x91" + keywords) == KEYWORDS
    assert scan_arguments(b"\x92\x01" + keywords) == KEYWORDS
    assert scan_arguments(b"\x91" + _ext(KWARGS, b"\x81\xa1a" + _ext(SET, b"\x90"))) == KEYWORDS
    assert scan_arguments(b"\x92" + _ext(SET, b"\x90") + keywords) == KEYWORDS
    for elsewhere in (keywords, b"\x92%b\x01" % keywords, b"\x91\x91" + keywords, b"\x92" + 2 * keywords):
        assert scan_arguments(elsewhere) == REFUSED
    assert scan_arguments(b"\x92" + keywords) == REFUSED  # one argument is missing
    assert scan_arguments(b"\x91" + _ext(KWARGS, b"\x81\xa1a") + b"\x01") == REFUSED  # what is behind completes it
    for inside in (b"", b"\x90", b"\x01", b"\x81\xa1a", b"\x80\x01", b"\x81\xa1a" + keywords):
        assert scan_arguments(b"\x91" + _ext(KWARGS, inside)) == REFUSED
    assert scan_arguments(b"\x91" + keywords + b"\x01") == REFUSED
    assert scan_value(b"\x91" + keywords) == scan_value(keywords) == REFUSED


def test_arguments_are_a_list() -> None:
    for data in (b"", b"\x01", b"\x81\xa1a\x01", _ext(SET, b"\x90")):
        assert scan_arguments(data) == REFUSED
    assert scan_arguments(b"\x90") == PLAIN


_AROUND: dict[str, Callable[[bytes], bytes]] = {
    "list": lambda value: b"\x91" + value,
    "long list": lambda value: b"\xdd\0\0\0\3\1\1" + value,
    "dict": lambda value: b"\x81\xa1k" + value,
    "set": lambda value: _ext(SET, b"\x91" + value),
    "dict with any keys": lambda value: _ext(MAP, b"\x94\1\1\2" + value),
}


@pytest.mark.parametrize("around", _AROUND.values(), ids=_AROUND)
@pytest.mark.parametrize("innermost", [b"\x90", b"\x80", _ext(SET, b"\x90")], ids=bytes.hex)
def test_at_most_128_levels(around: Callable[[bytes], bytes], innermost: bytes) -> None:
    value = innermost
    for _ in range(MAX_DEPTH - 1):
        value = around(value)
    for too_many in (False, True):
        assert (scan_value(value) == REFUSED) is too_many
        assert (scan_arguments(b"\x92\x01" + value) == REFUSED) is too_many
        assert (scan_arguments(b"\x91" + _ext(KWARGS, b"\x81\xa1k" + value)) == REFUSED) is too_many
        value = around(value)


def test_levels_that_are_closed_do_not_count() -> None:
    shallow = b"\xdc\x01\x00" + (b"\x91\x90" + _ext(SET, b"\x90")) * 128
    assert scan_value(shallow) == EXTENDED
    assert scan_value(b"\x91" * 125 + shallow) == EXTENDED
    assert scan_value(b"\x91" * 126 + shallow) == REFUSED


def test_what_is_scanned() -> None:
    assert scan_value(memoryview(b"\x00\x91\x01")[1:]) == PLAIN
    assert scan_value(memoryview(b"")) == REFUSED
    with pytest.raises(BufferError):
        scan_value(memoryview(b"\x91\x91\x01")[::2])
    with pytest.raises(TypeError):
        scan_value("a")  # type: ignore[arg-type]
    assert "one MessagePack value" in (_native.scan_value.__doc__ or "")


class _Writer:
    """Writes values at random, in any form that a decoder takes; and a few that it does not."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.extended = False

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
        self.extended = True
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
        return f"{error.code}: {error}"


def _check(data: bytes) -> None:
    assert _outcome(decode, data) == _outcome(_strict.decode_value, data), data.hex()
    assert _outcome(decode_args, data) == _outcome(_strict.decode_arguments, data), data.hex()


def test_random_values_decode_as_strictly_whole_and_damaged() -> None:
    rng = random.Random(11)
    answers = set()
    for _ in range(3000):
        writer = _Writer(rng)
        value = writer.value(5)
        assert scan_value(value) == (EXTENDED if writer.extended else PLAIN), value.hex()
        keywords = writer.extension(KWARGS, writer.dict(rng.randrange(4), 3))
        arguments = b"\x92" + value + rng.choice([value, keywords])
        answers.add(scan_arguments(arguments))
        for data in (value, arguments, *(mutated(whole, rng) for whole in (value, arguments) for _ in range(4))):
            _check(data)
    assert answers == {PLAIN, EXTENDED, KEYWORDS}


def test_random_nests_near_the_limit_decode_as_strictly() -> None:
    rng = random.Random(12)
    around = list(_AROUND.values())
    around.remove(_AROUND["set"])  # in which little can be hashed
    for levels, _ in itertools.product(range(MAX_DEPTH - 1, MAX_DEPTH + 3), range(20)):
        value = b"\x01"
        for _ in range(levels):
            value = rng.choice(around)(value)
        for data in (value, b"\x91" + value, b"\x91" + _ext(KWARGS, b"\x81\xa1a" + value), mutated(value, rng)):
            _check(data)
