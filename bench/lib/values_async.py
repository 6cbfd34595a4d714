"""The work as `async def`: apart from values.py, so that only who serves it pays for importing asyncio."""

import asyncio

from values import HANDLERS


async def upper(text: str) -> str:
    return HANDLERS["upper"](text)


async def upper_suspending(text: str) -> str:
    await asyncio.sleep(0)  # comes back in the next turn of the loop
    return HANDLERS["upper"](text)


ASYNC_HANDLERS = {"upper": upper, "upper_suspending": upper_suspending}
