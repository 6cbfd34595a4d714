"""grpc.aio with a generic handler: quicker here than the thread pool of grpc.server."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
from grpc_codec import deserialize, deserialize_number, serialize, serialize_number
from values import HANDLERS


async def upper(message: bytes, _context: grpc.aio.ServicerContext) -> bytes:
    # grpc.aio hands str results to a serializer as bytes, so the codec is called here.
    return serialize(HANDLERS["upper"](deserialize(message)))


async def numbers(message: bytes, _context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    for number in range(deserialize_number(message)):
        yield serialize_number(number)


async def _serve(ready: Callable[[str], None]) -> None:
    server = grpc.aio.server()
    methods = {
        "Upper": grpc.unary_unary_rpc_method_handler(upper),
        "Numbers": grpc.unary_stream_rpc_method_handler(numbers),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Bench", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    ready(f"127.0.0.1:{port}")
    await server.wait_for_termination()


def serve(_address: str, ready: Callable[[str], None]) -> None:
    asyncio.run(_serve(ready))
