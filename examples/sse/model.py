"""Answers a prompt token by token, as a language model does; served under the name `model`."""

import asyncio

from ipcbridge import aio


async def complete(prompt: str):
    try:
        for word in f"You asked: {prompt} I am still thinking about it.".split():
            await asyncio.sleep(0.05)  # the model thinks
            yield word
    finally:  # also when the reader has left
        print(f"done with {prompt!r}", flush=True)


async def main() -> None:
    async with aio.serve("model", {"complete": complete}) as server:
        print("serving model", flush=True)
        await server.wait()


asyncio.run(main())
