"""The protocol by hand, after docs/protocol.md: for peers that do not keep to it."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

HELLO, REQUEST, REPLY, ERROR, PING, PONG = 1, 2, 3, 4, 11, 12
STREAM_ITEM, STREAM_END, CREDIT, RELEASE = 7, 8, 9, 10
# Flags: another fragment follows; streams do; a reference is called; a table of sizes does.
MORE, STREAMS, REFERENCE, ATTACHED = 2, 4, 8, 0x20
OF_ACCEPTOR = 1 << 63  # in the ids of what it begins
MOST = 16_368  # bytes of a frame's body
PATIENCE = 20  # seconds


def frame(kind: int, call_id: int = 0, body: bytes = b"", flags: int = 0) -> bytes:
    return struct.pack("<IBBHQ", len(body), kind, flags, 0, call_id) + body


def hello(major: int = 1, minor: int = 0, methods: tuple[bytes, ...] = ()) -> bytes:
    """Without shared memory, so that all frames go over the socket."""
    limits = (256 << 20, 64 << 20, 1024)
    fixed = struct.pack("<8sHHIQQQQII16sQ", b"IBRIDGE1", major, minor, 80, 0, 0, *limits, len(methods), bytes(16), 0)
    return frame(HELLO, 0, fixed + b"".join(struct.pack("<H", len(name)) + name for name in (b"", *methods)))


def hello_with_streams(methods: tuple[bytes, ...] = ()) -> bytes:
    """The same of one that takes streams, four items at a time."""
    limits = (256 << 20, 64 << 20, 1024)
    fixed = struct.pack("<8sHHIQQQQII16sQ", b"IBRIDGE1", 1, 0, 104, 0, 0, *limits, len(methods), bytes(16), 0)
    names = b"".join(struct.pack("<H", len(name)) + name for name in (b"", *methods, b""))
    return frame(HELLO, 0, fixed + struct.pack("<QIIQ", 1 << 18, 4, 1024, 0) + names)


def reply_with_stream(call_id: int, stream: int) -> bytes:
    """Whose result is the stream."""
    value = b"\xd6\x06" + struct.pack("<I", 0)  # ext 6, which of the message's streams
    return frame(REPLY, call_id, struct.pack("<QII", stream, 1, 0) + value, STREAMS)


def request_with_stream(call_id: int, method: int, arguments: bytes) -> bytes:
    """Of one frame; the stream's id follows its own."""
    body = struct.pack("<QII", call_id + 1, 1, 0) + struct.pack("<QII", 0, method, 0) + arguments
    return frame(REQUEST, call_id, body, STREAMS)


def items(stream: int, count: int) -> bytes:
    """So many nulls."""
    return frame(STREAM_ITEM, stream, struct.pack("<I", count) + struct.pack("<IB", 1, 0xC0) * count)


def credit(stream: int, items: int, size: int) -> bytes:
    return frame(CREDIT, stream, struct.pack("<QQ", items, size))


def message(kind: int, call_id: int, body: bytes) -> bytes:
    """Of as many frames as it takes."""
    if len(body) <= MOST:
        return frame(kind, call_id, body)
    return b"".join(_fragments(kind, call_id, table(len(body)) + body))


def table(size: int) -> bytes:
    """What stands before a long message with so many bytes."""
    return struct.pack("<IIQQQII", 0, 0, size, 0, 0, 0, 0)


def _fragments(kind: int, call_id: int, body: bytes) -> list[bytes]:
    begins = range(0, len(body), MOST)
    more = [MORE if at + MOST < len(body) else 0 for at in begins]
    return [frame(kind, call_id, body[at : at + MOST], ATTACHED | flags) for at, flags in zip(begins, more)]


def request(call_id: int, method: int, arguments: bytes) -> bytes:
    """`arguments` are MessagePack."""
    return message(REQUEST, call_id, struct.pack("<QII", 0, method, 0) + arguments)


def unfinished(call_id: int, method: int, size: int) -> bytes:
    """The fragments of a request, except the last, that say it has one argument of so many bytes."""
    body = struct.pack("<QII", 0, method, 0) + b"\x91\xc6" + struct.pack(">I", size) + bytes(size)
    return b"".join(_fragments(REQUEST, call_id, table(len(body)) + body)[:-1])


def last(call_id: int, size: int) -> bytes:
    """The rest of what unfinished() has begun."""
    whole = len(table(0)) + 16 + 6 + size
    return frame(REQUEST, call_id, bytes(whole - (whole - 1) // MOST * MOST), ATTACHED)


class Connection:
    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(PATIENCE)
        self._socket = connected
        self._file = connected.makefile("rb")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def frame(self) -> tuple[int, bytes]:
        """The type and the body of the next frame."""
        length, kind = struct.unpack("<IB11x", self._file.read(16))
        return kind, self._file.read(length)

    def methods(self) -> dict[str, int]:
        """The numbers of the methods, which the HELLO of a service tells."""
        kind, body = self.frame()
        assert kind == HELLO
        names: list[str] = []
        (at,) = struct.unpack_from("<I", body, 12)  # where the fixed part ends
        while at < len(body):
            (length,) = struct.unpack_from("<H", body, at)
            names.append(body[at + 2 : at + 2 + length].decode())
            at += 2 + length
        return {name: number for number, name in enumerate(names[1:-1])}  # the service's first, the sender's own last

    def refusal(self) -> tuple[int, str]:
        """Skips the HELLO; the code and the message of the ERROR that must follow."""
        kind, body = self.frame()
        if kind == HELLO:
            kind, body = self.frame()
        assert kind == ERROR
        (length,) = struct.unpack_from("<I", body, 4)
        return body[0], body[8 : 8 + length].decode()

    def wait_until_closed(self) -> None:
        with contextlib.suppress(ConnectionError):
            while self._file.read(1 << 16):
                pass

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def connect(path: str) -> Connection:
    made = socket.socket(socket.AF_UNIX)
    made.connect(path)
    return Connection(made)


@contextlib.contextmanager
def server(path: str, handle: Callable[[Connection], None]) -> Iterator[None]:
    """Listens at `path` and lets `handle` have each connection, one after the other."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()

    def accept() -> None:
        with contextlib.suppress(OSError):  # of the shutdown below
            while True:
                with contextlib.closing(Connection(listening.accept()[0])) as connection:
                    handle(connection)

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        listening.close()
