"""asyncio for everything, also for one in flight."""

from typing import Any

from ipcbridge import aio


class AsyncClient:
    def __init__(self, remote: Any) -> None:
        self._remote = remote
        self.call = remote.upper
        self.status = lambda: aio.status(remote)
        self.call_back = remote.call_back
        self.stream = remote.numbers
        self.stream_async = remote.numbers_async

    async def close(self) -> None:
        await aio.close(self._remote)


async def connect_async(address: str, _command: dict[str, Any]) -> AsyncClient:
    return AsyncClient(await aio.connect(address))
