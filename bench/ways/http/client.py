"""http.client for one in flight; aiohttp with 64 kept-alive connections for 64 in flight."""

import http.client
from typing import Any
from urllib.parse import urlsplit

from envelope import decode, encode

HEADERS = {"content-type": "application/json"}


class Client:
    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc)
        self._connection.connect()

    def call(self, text: str) -> str:
        self._connection.request("POST", "/upper", encode([text]), HEADERS)
        return decode(self._connection.getresponse().read())

    def close(self) -> None:
        self._connection.close()


class AsyncClient:
    def __init__(self, address: str) -> None:
        import aiohttp

        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64))
        self._url = f"{address}/upper"

    async def call(self, text: str) -> str:
        async with self._session.post(self._url, data=encode([text]), headers=HEADERS) as response:
            return decode(await response.read())

    async def close(self) -> None:
        await self._session.close()


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    return AsyncClient(address)
