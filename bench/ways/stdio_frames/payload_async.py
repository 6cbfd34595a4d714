"""The client of payload.py on asyncio's pipes."""

import asyncio
from typing import Any

from byte_frames import BYTES, HEADER, header


class AsyncClient:
    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        self.pids = [child.pid]

    async def count_bytes(self, data: bytes) -> int:
        self._child.stdin.writelines((header(BYTES, data), data))  # type: ignore[union-attr]
        reply = await self._child.stdout.readexactly(HEADER.size + 4)  # type: ignore[union-attr]
        return int.from_bytes(reply[HEADER.size :], "little")

    async def close(self) -> None:
        self._child.stdin.close()  # type: ignore[union-attr]
        await self._child.wait()


async def connect_async(_address: str, command: dict[str, Any]) -> AsyncClient:
    pipe = asyncio.subprocess.PIPE
    return AsyncClient(await asyncio.create_subprocess_exec(*command["server"], stdin=pipe, stdout=pipe))
