"""A message of bytes from DEALER to ROUTER, in pyzmq's form that does not copy, and their number back."""

from collections.abc import Callable
from typing import Any

import zmq


class Client:
    def __init__(self, address: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.connect(address)

    def count_bytes(self, data: bytes) -> int:
        self._socket.send(data, copy=False)
        return int(self._socket.recv())

    def close(self) -> None:
        self._context.destroy(linger=0)


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)


def serve(address: str, ready: Callable[[str], None]) -> None:
    socket = zmq.Context().socket(zmq.ROUTER)
    socket.linger = 0
    socket.bind(address)
    ready(socket.last_endpoint.decode().rstrip("\0"))
    while True:
        identity, message = socket.recv_multipart(copy=False)
        socket.send_multipart([identity, str(len(message.buffer)).encode()])
