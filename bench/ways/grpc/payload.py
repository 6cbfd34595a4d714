"""A message of bytes: a blocking channel; grpc.aio on the server. gRPC allows 4 MB unless told otherwise."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
from grpc_codec import deserialize_bytes, deserialize_number, serialize_bytes, serialize_number

METHOD = "/bench.Bench/CountBytes"
UNLIMITED = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


class Client:
    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, options=UNLIMITED)
        grpc.channel_ready_future(self._channel).result(timeout=5)
        self.count_bytes = self._channel.unary_unary(METHOD, serialize_bytes, deserialize_number)

    def close(self) -> None:
        self._channel.close()


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)


async def _count_bytes(message: bytes, _context: grpc.aio.ServicerContext) -> bytes:
    return serialize_number(len(deserialize_bytes(message)))


async def _serve(ready: Callable[[str], None]) -> None:
    server = grpc.aio.server(options=UNLIMITED)
    methods = {"CountBytes": grpc.unary_unary_rpc_method_handler(_count_bytes)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Bench", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    ready(f"127.0.0.1:{port}")
    await server.wait_for_termination()


def serve(_address: str, ready: Callable[[str], None]) -> None:
    asyncio.run(_serve(ready))
