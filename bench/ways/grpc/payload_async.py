"""The client of payload.py on grpc.aio."""

from typing import Any

import grpc
from grpc_codec import deserialize_number, serialize_bytes

METHOD = "/bench.Bench/CountBytes"
UNLIMITED = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


class AsyncClient:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self.count_bytes = channel.unary_unary(METHOD, serialize_bytes, deserialize_number)

    async def close(self) -> None:
        await self._channel.close()


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    channel = grpc.aio.insecure_channel(address, options=UNLIMITED)
    await channel.channel_ready()
    return AsyncClient(channel)
