"""Length-prefixed JSON, a blocking thread a connection: quicker than an asyncio Protocol for one client."""

import socket
import threading
from collections.abc import Callable

from envelope import answer
from frames import FrameReader, frame
from sockets import listen


def _serve_connection(sock: socket.socket) -> None:
    reader = FrameReader()
    with sock:
        while chunk := sock.recv(65536):
            replies = [frame(answer(payload)) for payload in reader.push(chunk)]
            if replies:
                sock.sendall(b"".join(replies))


def serve(address: str, ready: Callable[[str], None]) -> None:
    listener, actual = listen(address)
    ready(actual)
    while True:
        sock, _peer = listener.accept()
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve_connection, args=(sock,), daemon=True).start()
