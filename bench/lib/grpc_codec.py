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


def serialize_number(number: int) -> bytes:
    if number == 0:
        return b""  # as empty strings
    out = bytearray(b"\x08")
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def deserialize_number(message: bytes) -> int:
    number = 0
    for place, byte in enumerate(message[1:]):
        number |= (byte & 0x7F) << (7 * place)
    return number
