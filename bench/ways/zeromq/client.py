"""pyzmq DEALER, blocking, as REQ would allow one call in flight only."""

from typing import Any

import zmq
from envelope import decode, encode, request

PIPELINE = True


class Client:
    def __init__(self, address: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.connect(address)
        self._next = 0

    def call(self, text: str) -> str:
        self._next += 1
        self._socket.send(encode([self._next, "upper", [text]]))
        return decode(self._socket.recv())[1]

    def post(self, count: int) -> None:
        for _ in range(count):
            self._next += 1
            self._socket.send(request(self._next))

    def take(self) -> list[str]:
        results = [decode(self._socket.recv())[1]]
        try:
            while True:
                results.append(decode(self._socket.recv(zmq.NOBLOCK))[1])
        except zmq.Again:
            return results

    def close(self) -> None:
        self._context.destroy(linger=0)


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)
