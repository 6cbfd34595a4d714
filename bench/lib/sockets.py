"""Addresses of the socket ways: tcp://host:port and unix:///path."""

import socket
from urllib.parse import urlsplit


def connect(address: str) -> socket.socket:
    url = urlsplit(address)
    if url.scheme == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(url.path)
        return sock
    sock = socket.create_connection((url.hostname, url.port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def listen(address: str) -> tuple[socket.socket, str]:
    """A listening socket and the address that it really has."""
    url = urlsplit(address)
    if url.scheme == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(url.path)
        sock.listen(1024)
        return sock, address
    # asyncio sets TCP_NODELAY only where the protocol is spelled out: without it, uvicorn's replies wait 40 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(1024)
    return sock, f"{url.scheme}://127.0.0.1:{sock.getsockname()[1]}"
