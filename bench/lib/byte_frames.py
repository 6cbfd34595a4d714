"""A frame of bytes is their number (u32, little-endian), their kind (u8), and the bytes."""

from __future__ import annotations

import os
from struct import Struct

from envelope import decode, encode

BYTES, JSON = 0, 1
HEADER = Struct("<IB")
_FIRST_ROOM = 1 << 16
_KEPT = os.environ.get("BENCH_KEPT") == "1"


class FrameBuffer:
    """What one frame after the other is read into.

    A frame that does not fit the first room has a bytearray of its own, of the announced length, which its receiver may
    keep. With BENCH_KEPT the bytearray is kept here instead and grows to the largest frame: quicker, as its pages are
    there already, but a body is gone with the next frame.
    """

    def __init__(self) -> None:
        self._first = self._view = memoryview(bytearray(_FIRST_ROOM))
        self._filled = 0
        self._whole = 0  # bytes of the frame under way, 0 until its header is read

    def room(self) -> memoryview:
        """Where the next bytes are to go."""
        return self._view[self._filled : self._whole or None]

    def filled(self, count: int) -> tuple[int, memoryview] | None:
        """Takes note of what was read; the kind and the bytes of the frame if that is complete."""
        if not count:
            raise ConnectionError("the other side closed the connection")
        self._filled += count
        if not self._whole and self._filled >= HEADER.size:
            self._announce(HEADER.size + HEADER.unpack_from(self._view)[0])
        if not self._whole or self._filled < self._whole:
            return None
        view, whole = self._view, self._whole
        self._whole = self._filled = 0
        if not _KEPT:
            self._view = self._first
        return view[4], view[HEADER.size : whole]

    def _announce(self, whole: int) -> None:
        self._whole = whole
        if whole > len(self._view):
            larger = memoryview(bytearray(whole))
            larger[: self._filled] = self._view[: self._filled]
            self._view = larger


def header(kind: int, data: bytes) -> bytes:
    return HEADER.pack(len(data), kind)


def answer(frame: tuple[int, memoryview]) -> bytes:
    """The frame with the number of the bytes, or with the value that the JSON says, as JSON again."""
    kind, body = frame
    reply = encode(decode(bytes(body))) if kind == JSON else len(body).to_bytes(4, "little")
    return header(kind, reply) + reply


def number(frame: tuple[int, memoryview]) -> int:
    return int.from_bytes(frame[1], "little")


def read_frame(fd: int, buffer: FrameBuffer) -> tuple[int, memoryview]:
    while not (frame := buffer.filled(os.readv(fd, (buffer.room(),)))):
        pass
    return frame


def write_all(fd: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
