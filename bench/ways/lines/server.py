"""Streams over a Unix socket: one line of JSON asks for so many items, each of which is a line of JSON."""

import json
import socket
import threading
from collections.abc import Callable

from sockets import listen

BLOCK = 4096
_encode = json.JSONEncoder().encode


def _serve_connection(sock: socket.socket) -> None:
    with sock, sock.makefile("rb") as lines:
        for line in lines:
            count = json.loads(line)
            for first in range(0, count, BLOCK):
                block = range(first, min(count, first + BLOCK))
                sock.sendall("".join([f"{_encode(item)}\n" for item in block]).encode())


def serve(address: str, ready: Callable[[], None]) -> None:
    listener, _actual = listen(address)
    ready()
    while True:
        sock, _peer = listener.accept()
        threading.Thread(target=_serve_connection, args=(sock,), daemon=True).start()
