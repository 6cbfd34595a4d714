"""bench.proto's Text by hand, so that no generated code is committed: quicker than the generated one, if anything."""


def serialize(text: str) -> bytes:
    data = text.encode()
    assert len(data) < 128  # one length byte
    return b"\x0a" + bytes((len(data),)) + data


def deserialize(message: bytes) -> str:
    if not message:
        return ""  # proto3 leaves empty strings out
    assert message[:2] == bytes((0x0A, len(message) - 2))
    return message[2:].decode()
