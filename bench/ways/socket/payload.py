"""Bytes behind their length on a plain blocking socket, read by recv_into into memory of that length."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import sockets
from byte_frames import BYTES, JSON, FrameBuffer, answer, header, number
from envelope import decode, encode


def _receive(sock: socket.socket, buffer: FrameBuffer) -> tuple[int, memoryview]:
    while not (frame := buffer.filled(sock.recv_into(buffer.room()))):
        pass
    return frame


class Client:
    def __init__(self, address: str) -> None:
        self._sock = sockets.connect(address)
        self._buffer = FrameBuffer()

    def count_bytes(self, data: bytes) -> int:
        return number(self._call(BYTES, data))

    def echo(self, value: Any) -> Any:
        return decode(bytes(self._call(JSON, encode(value))[1]))

    def close(self) -> None:
        self._sock.close()

    def _call(self, kind: int, data: bytes) -> tuple[int, memoryview]:
        first = header(kind, data)
        sent = self._sock.sendmsg((first, data)) - len(first)
        if sent < len(data):
            self._sock.sendall(memoryview(data)[sent:])
        return _receive(self._sock, self._buffer)


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)


def _serve_connection(sock: socket.socket) -> None:
    buffer = FrameBuffer()
    with sock:
        try:
            while True:
                sock.sendall(answer(_receive(sock, buffer)))
        except ConnectionError:
            pass


def serve(address: str, ready: Callable[[str], None]) -> None:
    listener, actual = sockets.listen(address)
    ready(actual)
    while True:
        sock, _peer = listener.accept()
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve_connection, args=(sock,), daemon=True).start()
