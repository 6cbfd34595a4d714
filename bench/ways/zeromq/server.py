"""pyzmq ROUTER in a blocking loop: quicker than zmq.asyncio."""

from collections.abc import Callable

import zmq
from envelope import answer


def serve(address: str, ready: Callable[[str], None]) -> None:
    socket = zmq.Context().socket(zmq.ROUTER)
    socket.linger = 0
    socket.bind(address)
    ready(socket.last_endpoint.decode().rstrip("\0"))
    while True:
        identity, message = socket.recv_multipart()
        socket.send_multipart([identity, answer(message)])
