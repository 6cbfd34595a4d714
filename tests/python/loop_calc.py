"""A service for an event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import ipcbridge as ipc
from ipcbridge import aio

user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


class Calc:
    def __init__(self) -> None:
        self.noted = asyncio.Event()

    async def add(self, a: int, b: int = 0) -> int:
        """Adds two numbers."""
        return a + b

    def sync(self) -> list[Any]:
        return [threading.current_thread() is threading.main_thread(), ipc.context().method, user.get()]

    async def task(self) -> list[Any]:
        return [threading.current_thread() is threading.main_thread(), aio.context().method]

    async def note(self) -> None:
        self.noted.set()

    async def fail(self) -> None:
        raise ValueError("bad")
