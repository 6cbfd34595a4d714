#!/usr/bin/env python3
"""Writes the hand-made part of the corpora: make_corpus.py, from anywhere."""

import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"
MORE, IGNORABLE = 2, 1
REFERENCE, RETAINED = 8, 1 << 63
HELLO, REQUEST, REPLY, ERROR, NOTIFY, CANCEL, RELEASE, PING, GOAWAY, UPGRADE = 1, 2, 3, 4, 5, 6, 10, 11, 13, 16


def save(target: str, name: str, data: bytes) -> None:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def frame(kind: int, call_id: int, body: bytes = b"", flags: int = 0) -> bytes:
    return struct.pack("<IBBHQ", len(body), kind, flags, 0, call_id) + body


def hello(major: int = 1, methods: tuple[bytes, ...] = (b"add", b"math.sub"), features: int = 0) -> bytes:
    fixed = struct.pack(
        "<8sHHIQQQQII16sQ", b"IBRIDGE1", major, 0, 80, 0, features, 1 << 28, 1 << 26, 1024, len(methods), bytes(16), 0
    )
    names = b"".join(struct.pack("<H", len(name)) + name for name in (b"calc", *methods))
    return fixed + names


def request(payload: bytes = b"payload", metadata: bytes = b"") -> bytes:
    return struct.pack("<QII", 1000, 0, len(metadata)) + metadata + payload


def pieces(stream: bytes, size: int) -> bytes:
    """For frame_decoder: a byte before each piece says how long it is, in sixteens."""
    step = size * 16 + 1
    return b"".join(bytes([size]) + stream[at : at + step] for at in range(0, len(stream), step))


def decoder() -> None:
    stream = frame(HELLO, 0, hello()) + frame(REQUEST, 1, request()) + frame(REPLY, 1, b"x" * 300) + frame(PING, 7)
    for size in (0, 1, 40):
        save("frame_decoder", f"conversation_in_pieces_of_{size * 16 + 1}", pieces(stream, size))
    save("frame_decoder", "half_a_frame", pieces(frame(REQUEST, 1, b"x" * 50)[:30], 9))
    save("frame_decoder", "oversize", pieces(struct.pack("<IBBHQ", 0xFFFFFFFF, REQUEST, 0, 0, 1), 9))
    save("frame_decoder", "oversize_hello", pieces(struct.pack("<IBBHQ", (1 << 20) + 1, HELLO, 0, 0, 0), 9))
    save("frame_decoder", "http", pieces(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 9))
    save("frame_decoder", "many_small", pieces(frame(PING, 1) * 200, 255))


def handshake() -> None:
    def step(kind: int, body: bytes) -> bytes:
        return struct.pack("<BH", kind, len(body)) + body

    save("handshake", "unix", b"\0" + step(HELLO, hello()))
    save("handshake", "shm_refused", b"\1" + step(HELLO, hello(features=1)) + step(UPGRADE, b"\0\x09no seals"))
    save("handshake", "shm_accepted", b"\1" + step(HELLO, hello(features=1)) + step(UPGRADE, b"\1\0"))
    save("handshake", "other_version", b"\0" + step(HELLO, hello(major=2)))
    save("handshake", "refusal", b"\0" + step(ERROR, struct.pack("<BBHI", 7, 1, 0, 3) + b"no!"))
    save("handshake", "hello_alone", b"\0" + hello())
    save("handshake", "many_methods", b"\0" + step(HELLO, hello(methods=tuple(b"m%d" % i for i in range(500)))))
    save("handshake", "too_many_methods", b"\0" + step(HELLO, hello()[:52] + b"\xff\xff\xff\xff" + hello()[56:]))


def ring_reader() -> None:
    def step(what: int, kind: int = 0, at: int = 0, number: int = 0) -> bytes:
        return struct.pack("<BBHI", what, kind, at, number)

    record = step(0, REPLY, 0, 24) + step(1, 0, 0, 40) + step(3) + step(4)
    save("ring_reader", "one_record", record)
    save("ring_reader", "sleep_and_wake", step(5) + record + step(5))
    save("ring_reader", "index_beyond", step(2, 0, 0, 1 << 20) + step(3))
    save("ring_reader", "index_back", record + step(2, 0, 0, 8) + step(3))
    save("ring_reader", "index_huge", step(2, 255, 0, 8) + step(3))
    save("ring_reader", "length_huge", step(0, REPLY, 0, 0xFFFFFFF0) + step(2, 0, 0, 4096) + step(3))
    walk = b"".join(
        step(0, REPLY, at, 496) + step(1, 0, 0, 504) + step(1, 0, 0, 8) + step(3) for at in range(0, 3584, 512)
    )
    save(
        "ring_reader",
        "pad",
        walk + step(0, 0, 3584, 504) + step(0, REPLY, 0, 0) + step(2, 0, 0, 4112) + step(3) + step(4),
    )
    save("ring_reader", "pad_alone", walk + step(0, 0, 3584, 504) + step(2, 0, 0, 4096) + step(3))
    save(
        "ring_reader",
        "full_writer",
        step(7, 0, 0, 1000) * 6 + step(6, 0, 0, 1016) + step(7, 0, 0, 1000) + step(6, 1, 0, 13) + step(7),
    )


def session() -> None:
    def receive(kind: int, call_id: int, body: bytes = b"", flags: int = 0) -> bytes:
        return struct.pack("<BBBBI", 0, kind, flags, call_id, len(body)) + body

    def act(what: int, kind: int = 0, number: int = 0, flags: int = 0) -> bytes:
        return struct.pack("<BBBBI", what, kind, flags, 0, number)

    ours = 0x80
    room = act(3, 7)
    save("session", "request_and_reply", room + receive(REQUEST, 1, request()) + act(2, 0, 100))
    save("session", "call_and_answer", room + act(1, 0, 50) + receive(REPLY, ours | 1, b"answer"))
    save(
        "session", "call_and_error", room + act(1) + receive(ERROR, ours | 1, struct.pack("<BBHI", 5, 0, 0, 2) + b"noX")
    )
    big = request(b"x" * 9000)
    save(
        "session",
        "fragments",
        receive(REQUEST, 1, big, MORE) + receive(REQUEST, 1, big, MORE) + receive(REQUEST, 1, big),
    )
    save("session", "cancel_halfway", receive(REQUEST, 1, big, MORE) + receive(CANCEL, 1) + room)
    save(
        "session",
        "long_error",
        room
        + act(1)
        + receive(ERROR, ours | 1, struct.pack("<BBHI", 2, 0, 0, 1) + b"m" * 9000, MORE)
        + receive(ERROR, ours | 1, b"d" * 9000),
    )
    save("session", "long_reply_without_room", act(3, 0) + receive(REQUEST, 1, request()) + act(2, 0, 60000) + room * 3)
    save("session", "pings", act(3, 0) + receive(PING, 1) * 50 + room)
    save("session", "goaway", receive(GOAWAY, 0) + act(1) + act(4, 77) + receive(REQUEST, 1, request()))
    save("session", "unknown_ignorable", receive(200, 1, b"?", IGNORABLE) + receive(7, 1))
    save("session", "too_many", b"".join(receive(REQUEST, i, request()) for i in range(1, 12)))
    save("session", "notify", room + receive(NOTIFY, 3, request()) + act(2))

    def call_of(reference: int, call_id: int) -> bytes:
        return receive(REQUEST, call_id, request(struct.pack("<Q", reference)), REFERENCE)

    scoped, retained = 16, 8
    save(
        "session", "callback", room + act(1, flags=scoped) + call_of(1, 1) + act(2) + receive(REPLY, ours | 1, b"done")
    )
    save("session", "callback_after_its_call", room + act(1, flags=scoped) + receive(REPLY, ours | 1) + call_of(1, 1))
    released = receive(RELEASE, 0, struct.pack("<QQ", RETAINED | 1, 1))
    save(
        "session",
        "retained",
        room + act(1, flags=retained) + receive(REPLY, ours | 1) + call_of(RETAINED | 1, 1) + released,
    )
    save(
        "session", "forgotten", room + act(1, flags=retained) + act(8) + call_of(RETAINED | 1, 1) + act(9, 1) + released
    )
    save("session", "never_passed", room + call_of(5, 1))


if __name__ == "__main__":
    decoder()
    handshake()
    ring_reader()
    session()
