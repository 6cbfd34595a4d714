"""A blocking channel for one in flight, grpc.aio for 64."""

from typing import Any

import grpc
from grpc_codec import deserialize, deserialize_number, serialize, serialize_number

METHOD = "/bench.Bench/Upper"
STREAM = "/bench.Bench/Numbers"


class Client:
    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address)
        grpc.channel_ready_future(self._channel).result(timeout=5)
        self.call = self._channel.unary_unary(METHOD, serialize, deserialize)
        self.stream = self._channel.unary_stream(STREAM, serialize_number, deserialize_number)

    def close(self) -> None:
        self._channel.close()


class AsyncClient:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self.call = channel.unary_unary(METHOD, serialize, deserialize)

    async def close(self) -> None:
        await self._channel.close()


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    channel = grpc.aio.insecure_channel(address)
    await channel.channel_ready()
    return AsyncClient(channel)
