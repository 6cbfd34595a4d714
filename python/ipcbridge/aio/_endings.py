"""SIGTERM while a task waits for a server."""

from __future__ import annotations

import asyncio
import signal
import threading

from .._serve.endings import TERMINATED, ending_process


async def closed_or_terminated(loop: asyncio.AbstractEventLoop, closed: asyncio.Event) -> None:
    """Waits until the server is closed. SystemExit when SIGTERM comes first, if nobody else handles it."""
    await _closed_or_terminated(loop, closed)
    if ending_process and threading.current_thread() is threading.main_thread():
        await loop.create_future()  # until close_on_signals() ends the process


async def _closed_or_terminated(loop: asyncio.AbstractEventLoop, closed: asyncio.Event) -> None:
    terminated = asyncio.Event()
    if not _handle(loop, terminated):
        await closed.wait()
        return
    waits = [loop.create_task(event.wait()) for event in (closed, terminated)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        loop.remove_signal_handler(signal.SIGTERM)
    if terminated.is_set():
        raise SystemExit(TERMINATED)


def _handle(loop: asyncio.AbstractEventLoop, terminated: asyncio.Event) -> bool:
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return False
    try:
        loop.add_signal_handler(signal.SIGTERM, terminated.set)
    except (NotImplementedError, RuntimeError, ValueError):  # not the main thread
        return False
    return True
