"""Length-prefixed JSON on a plain blocking socket; 64 in flight are pipelined, many requests a write."""

from typing import Any

import sockets
from envelope import decode, encode, request
from frames import FrameReader, frame

PIPELINE = True


class Client:
    def __init__(self, address: str) -> None:
        self._sock = sockets.connect(address)
        self._reader = FrameReader()
        self._next = 0

    def call(self, text: str) -> str:
        self._next += 1
        self._sock.sendall(frame(encode([self._next, "upper", [text]])))
        while not (payloads := self._reader.push(self._receive())):
            pass
        return decode(payloads[0])[1]

    def post(self, count: int) -> None:
        first = self._next
        self._next += count
        self._sock.sendall(b"".join([frame(request(first + i)) for i in range(count)]))

    def take(self) -> list[str]:
        while not (payloads := self._reader.push(self._receive())):
            pass
        return [decode(payload)[1] for payload in payloads]

    def close(self) -> None:
        self._sock.close()

    def _receive(self) -> bytes:
        if chunk := self._sock.recv(65536):
            return chunk
        raise ConnectionError("the server closed the connection")


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)
