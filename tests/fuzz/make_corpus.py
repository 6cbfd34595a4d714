#!/usr/bin/env python3
"""Writes the hand-made part of the corpora: make_corpus.py, from anywhere."""

import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"
MORE, IGNORABLE = 2, 1
STREAMS, REFERENCE, REFERENCES, ATTACHED, RETAINED = 4, 8, 16, 32, 1 << 63
HELLO, REQUEST, REPLY, ERROR, NOTIFY, CANCEL, STREAM_ITEM, STREAM_END, CREDIT = range(1, 10)
RELEASE, PING, GOAWAY, UPGRADE, FREE = 10, 11, 13, 16, 19
OURS = 0x80  # in the ids of the session that is tried: of its own space


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


def inline(size: int) -> tuple[int, int, int, int]:
    return size, 0, 0, 0


def table(body: int | tuple[int, int, int, int], *attachments: tuple[int, int, int, int]) -> bytes:
    """Places are size, number, offset and segment."""
    places = (inline(body) if isinstance(body, int) else body, *attachments)
    return struct.pack("<II", len(attachments), 0) + b"".join(struct.pack("<QQQII", *place, 0) for place in places)


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
    for name, number in ("a_place", 2), ("a_place_that_goes", 3):
        long_frames = frame(STREAM_ITEM, number, b"1" * 20_000, MORE) + frame(STREAM_ITEM, number, b"2" * 9_000)
        save("frame_decoder", name, pieces(long_frames + frame(PING, 1) * 3, 120))
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


def receive(kind: int, call_id: int, body: bytes = b"", flags: int = 0) -> bytes:
    """For session: a frame arrives."""
    return struct.pack("<BBBBI", 0, kind, flags, call_id, len(body)) + body


def act(what: int, kind: int = 0, number: int = 0, flags: int = 0) -> bytes:
    """For session: its owner does something."""
    return struct.pack("<BBBBI", what, kind, flags, 0, number)


def session() -> None:
    room = act(3, 7)
    save("session", "request_and_reply", room + receive(REQUEST, 1, request()) + act(2, 0, 100))
    save("session", "call_and_answer", room + act(1, 0, 50) + receive(REPLY, OURS | 1, b"answer"))
    save(
        "session", "call_and_error", room + act(1) + receive(ERROR, OURS | 1, struct.pack("<BBHI", 5, 0, 0, 2) + b"noX")
    )
    big = request(b"x" * 9000)
    save(
        "session",
        "fragments",
        receive(REQUEST, 1, table(3 * len(big)) + big, MORE | ATTACHED)
        + receive(REQUEST, 1, big, MORE | ATTACHED)
        + receive(REQUEST, 1, big, ATTACHED),
    )
    begun = receive(REQUEST, 1, table(3 * len(big)) + big, MORE | ATTACHED)
    save("session", "cancel_halfway", begun + receive(CANCEL, 1) + room)
    save(
        "session",
        "long_error",
        room
        + act(1)
        + receive(ERROR, OURS | 1, table(18_008) + struct.pack("<BBHI", 2, 0, 0, 1) + b"m" * 9000, MORE | ATTACHED)
        + receive(ERROR, OURS | 1, b"d" * 9000, ATTACHED),
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
        "session", "callback", room + act(1, flags=scoped) + call_of(1, 1) + act(2) + receive(REPLY, OURS | 1, b"done")
    )
    save("session", "callback_after_its_call", room + act(1, flags=scoped) + receive(REPLY, OURS | 1) + call_of(1, 1))
    released = receive(RELEASE, 0, struct.pack("<QQ", RETAINED | 1, 1))
    save(
        "session",
        "retained",
        room + act(1, flags=retained) + receive(REPLY, OURS | 1) + call_of(RETAINED | 1, 1) + released,
    )
    save(
        "session", "forgotten", room + act(1, flags=retained) + act(8) + call_of(RETAINED | 1, 1) + act(9, 1) + released
    )
    save("session", "never_passed", room + call_of(5, 1))


def carrying(first: int, count: int, message: bytes) -> bytes:
    """The body of a message with streams."""
    return struct.pack("<QII", first, count, 0) + message


def items(*values: bytes) -> bytes:
    return struct.pack("<I", len(values)) + b"".join(struct.pack("<I", len(value)) + value for value in values)


def streams_that_arrive() -> None:
    room, answer, consume, leave = act(3, 7), act(2), act(6), act(7)
    error = struct.pack("<BBHI", 2, 0, 0, 2) + b"no"
    asked = room + receive(REQUEST, 1, carrying(2, 1, request()), STREAMS)
    item, end = receive(STREAM_ITEM, 2, items(b"one", b"two")), receive(STREAM_END, 2)
    save("session", "stream_of_a_request", asked + (item + consume) * 3 + end + answer)
    save("session", "stream_beyond_the_window", asked + item * 40)
    save("session", "stream_that_is_consumed", asked + (item * 4 + consume + room) * 10 + end + answer)
    save("session", "stream_that_fails", asked + item + receive(STREAM_END, 2, error) + answer)
    save("session", "stream_that_ends_twice", asked + item + end + end)
    save("session", "stream_item_after_the_end", asked + item + end + item)
    save("session", "stream_that_is_left", asked + item + leave + item + end + answer)
    save("session", "stream_that_its_call_leaves", asked + item + answer + room + item + end)
    save("session", "stream_and_a_cancelled_call", asked + item + receive(CANCEL, 1) + item + end + answer)
    save("session", "stream_of_nothing", asked + receive(STREAM_ITEM, 2, items()))
    save("session", "stream_item_that_lies", asked + receive(STREAM_ITEM, 2, struct.pack("<II", 3, 100) + b"short"))
    save("session", "stream_never_opened", asked + receive(STREAM_ITEM, 9, items(b"one")))
    long_item = items(b"x" * 20_000)
    parts = (
        receive(STREAM_ITEM, 2, table(len(long_item)) + long_item[:16_000], MORE | ATTACHED),
        receive(STREAM_ITEM, 2, long_item[16_000:], ATTACHED),
    )
    save("session", "stream_of_long_items", asked + parts[0] + parts[1] + consume + room + end + answer)
    save("session", "stream_that_is_left_halfway", asked + parts[0] + leave + room + parts[1] + end + answer)
    replied = room + act(1, 0, 50) + receive(REPLY, OURS | 1, carrying(1, 2, b"two"), STREAMS)
    each = [receive(STREAM_ITEM, number, items(b"item")) + receive(STREAM_END, number) for number in (1, 2)]
    save("session", "streams_of_a_reply", replied + each[1] + consume + each[0])
    save("session", "streams_that_are_lost", replied + receive(STREAM_ITEM, 1, items(b"item")))
    save("session", "too_many_streams", room + receive(REQUEST, 1, carrying(2, 1000, request()), STREAMS) + answer)


def streams_that_are_sent() -> None:
    room, send, end = act(3, 7), act(5, 1, 5000), act(5, 0)

    def credit(stream: int, count: int, size: int) -> bytes:
        return receive(CREDIT, OURS | stream, struct.pack("<QQ", count, size))

    replying = room + receive(REQUEST, 1, request()) + act(2, 0, 10, flags=1)
    save("session", "stream_of_our_reply", replying + send + end)
    save("session", "stream_that_waits_for_credit", replying + (send + room) * 20 + credit(1, 40, 1 << 20) + send + end)
    save("session", "credit_enormous", replying + credit(1, (1 << 64) - 1, (1 << 64) - 1) + (send + room) * 20 + end)
    save("session", "credit_unasked", replying + credit(1, 1000, 1 << 20) + credit(1, 1, 1) + credit(1, 0, 0) + send)
    save("session", "credit_after_the_end", replying + send + end + room + credit(1, 100, 1 << 20))
    save("session", "credit_for_no_stream", replying + credit(9, 100, 1 << 20))
    save("session", "credit_for_a_call", room + act(1) + credit(1, 100, 1 << 20))
    save("session", "credit_cut_short", replying + receive(CREDIT, OURS | 1, b"\1\0\0\0"))
    save("session", "stream_that_the_peer_leaves", replying + send + receive(CANCEL, OURS | 1) + send + end)
    calling = room + act(1, 0, 10, flags=2)
    save("session", "streams_of_our_call", calling + send + end + send + end + receive(REPLY, OURS | 1, b"done"))
    save(
        "session", "streams_after_the_answer", calling + send + receive(REPLY, OURS | 1) + send + credit(2, 99, 1 << 20)
    )
    both = room + receive(REQUEST, 1, carrying(2, 1, request()), STREAMS) + act(2, 0, 10, flags=1)
    item = receive(STREAM_ITEM, 2, items(b"in"))
    save("session", "streams_both_ways", both + (item + act(6) + send + room) * 5 + receive(STREAM_END, 2) + end)


def attachments() -> None:
    room, answer, free = act(3, 7), act(2), act(11, 1)
    shared, body = (300, 1, 64, 1), request()

    def attach(count: int, size: int, mode: int = 0) -> bytes:
        return act(10, count, size, mode)

    whole = receive(REQUEST, 1, table(len(body), shared, inline(0)) + body, ATTACHED)
    save("session", "attached_in_shared_memory", room + whole + answer + free)
    mixed = table(len(body), inline(200), shared, inline(50)) + body
    save(
        "session",
        "attached_in_both",
        room
        + receive(REQUEST, 1, mixed, MORE | ATTACHED)
        + receive(REQUEST, 1, b"a" * 200, MORE | ATTACHED)
        + receive(REQUEST, 1, b"b" * 50, ATTACHED)
        + answer,
    )
    save("session", "attached_straddling", room + receive(REQUEST, 1, mixed + b"a", MORE | ATTACHED))
    save("session", "attached_and_cancelled", room + receive(REQUEST, 1, mixed, MORE | ATTACHED) + receive(CANCEL, 1))
    save("session", "attached_nowhere", room + receive(REQUEST, 1, table(len(body), (300, 1, 0, 2)) + body, ATTACHED))
    save("session", "attached_unreadable", room + receive(REQUEST, 1, table(23, (3, 1, 15, 1)) + body, ATTACHED))
    save("session", "attached_over_the_limit", room + receive(REQUEST, 1, table(1 << 63, (1 << 63, 1, 0, 1)), ATTACHED))
    body_there = table((30_000, 9, 0, 1), shared)
    save("session", "body_in_shared_memory", room + receive(REQUEST, 1, body_there, ATTACHED) + answer)
    over_account = b"".join(receive(REQUEST, i, body_there, ATTACHED) for i in (1, 3, 5))
    save("session", "attached_over_the_account", room + over_account + answer * 3)
    save(
        "session",
        "attached_to_a_reply",
        room + act(1) + receive(REPLY, OURS | 1, table(1, shared) + b"r", ATTACHED) + free,
    )
    listed = receive(REPLY, OURS | 1, table((30_000, 9, 0, 1)), ATTACHED | REFERENCES)
    save("session", "references_in_shared_memory", room + act(1) + over_account + listed)
    save("session", "calls_that_attach", room + attach(2, 20_000) + act(1) + receive(FREE, 0, struct.pack("<Q", 1)))
    save("session", "freed_twice", room + attach(1, 20_000) + act(1) + receive(FREE, 0, struct.pack("<QQ", 1, 1)))
    for mode, name in enumerate(("exhausted", "missing", "untold"), 1):
        asked = room + attach(2, 20_000, mode) + receive(REQUEST, 1, request()) + receive(REQUEST, 3, request())
        save("session", f"attached_where_memory_is_{name}", asked + act(1) + answer + act(2, 1) + room * 8)
    asked = room + receive(REQUEST, 1, carrying(2, 1, request()), STREAMS)
    item = receive(STREAM_ITEM, 2, table(9, shared) + items(b"x"), ATTACHED)
    save("session", "attached_to_items", asked + item + act(6) + item + act(7) + item + receive(STREAM_END, 2))
    replying = room + receive(REQUEST, 1, request()) + act(2, 0, 10, flags=1) + attach(1, 3_000)
    save("session", "items_that_attach", replying + act(5, 1, 50) + act(5, 0, 50) + room)

    def step(what: int, number: int = 1, rest: bytes = b"") -> bytes:
        return bytes([what, number]) + rest

    places = step(3, 0, table((100, 1, 0, 1), (4096, 2, 4096, 1), (16_384, 3, 0, 1), (0, 4, 16_384, 1)))
    for mode in range(4):
        save("peer_blobs", f"all_of_it_{mode}", bytes([mode]) + step(0) + places + places + step(2) + places)
    beyond = step(3, 0, table((16_385, 1, 0, 1), (1, 2, 16_384, 1), ((1 << 64) - 1, 3, 1, 1), (1, 4, (1 << 64) - 1, 1)))
    save("peer_blobs", "beyond_the_end", b"\3" + step(0) + beyond)
    save("peer_blobs", "lost", b"\3" + step(4) + places)
    save("peer_blobs", "unsealed", b"\3" + step(8) + places)
    save("peer_blobs", "not_there", b"\3" + step(12) + places)
    save("peer_blobs", "of_another_size", b"\3" + step(1, 1, struct.pack("<Q", 8192)) + places)
    save("peer_blobs", "number_twice", b"\3" + step(0) + step(0) + places)
    save("peer_blobs", "cut_short", b"\3" + step(0) + places[:50])


if __name__ == "__main__":
    decoder()
    handshake()
    ring_reader()
    session()
    streams_that_arrive()
    streams_that_are_sent()
    attachments()
