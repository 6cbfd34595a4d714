"""The messages of bench.proto by hand, so that no generated code is committed: quicker than that, if anything."""


def serialize(text: str) -> bytes:
    data = text.encode()
    assert len(data) < 128  # one length byte
    return b"\x0a" + bytes((len(data),)) + data


def deserialize(message: bytes) -> str:
    if not message:
        return ""  # proto3 leaves empty strings out
    assert message[:2] == bytes((0x0A, len(message) - 2))
    return message[2:].decode()


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def serialize_number(number: int) -> bytes:
    return b"\x08" + _varint(number) if number else b""  # as empty strings


def serialize_bytes(data: bytes) -> bytes:
    return b"".join((b"\x0a", _varint(len(data)), data))


def deserialize_bytes(message: bytes) -> bytes:
    at = 1
    while message[at] > 0x7F:
        at += 1
    return message[at + 1 :]


def deserialize_number(message: bytes) -> int:
    number = 0
    for place, byte in enumerate(message[1:]):
        number |= (byte & 0x7F) << (7 * place)
    return number
