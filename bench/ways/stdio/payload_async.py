"""The client of payload.py on asyncio's pipes."""

import asyncio
from base64 import b64encode
from typing import Any

from envelope import decode, encode


class AsyncClient:
    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        self._next = 0
        self.pids = [child.pid]

    async def count_bytes(self, data: bytes) -> int:
        self._next += 1
        self._child.stdin.write(encode([self._next, "count_bytes", [b64encode(data).decode("ascii")]]) + b"\n")  # type: ignore[union-attr]
        return decode(await self._child.stdout.readline())[1]  # type: ignore[union-attr]

    async def close(self) -> None:
        self._child.stdin.close()  # type: ignore[union-attr]
        await self._child.wait()


async def connect_async(_address: str, command: dict[str, Any]) -> AsyncClient:
    pipe = asyncio.subprocess.PIPE
    return AsyncClient(await asyncio.create_subprocess_exec(*command["server"], stdin=pipe, stdout=pipe))
