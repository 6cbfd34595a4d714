"""A frame is a u32 length, little-endian, and that many bytes of JSON."""

from struct import Struct

_LENGTH = Struct("<I")


def frame(payload: bytes) -> bytes:
    return _LENGTH.pack(len(payload)) + payload


class FrameReader:
    def __init__(self) -> None:
        self._rest = b""

    def push(self, chunk: bytes) -> list[bytes]:
        """The payloads that are complete."""
        data = self._rest + chunk if self._rest else chunk
        payloads = []
        at, size = 0, len(data)
        while size - at >= 4:
            end = at + 4 + _LENGTH.unpack_from(data, at)[0]
            if end > size:
                break
            payloads.append(data[at + 4 : end])
            at = end
        self._rest = data[at:] if at < size else b""
        return payloads
