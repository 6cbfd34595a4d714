"""Two services that call each other without end are told so, whatever they are written in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from programs import run, running

# Each serves ME and calls OTHER.
SERVICES = {
    "node": (
        "node",
        """
        const other = ipc.connect('OTHER', { lazy: true })
        let deepest = 0
        await ipc.serve('ME', {
          call(n) {
            deepest = Math.max(deepest, n)
            return other.call(n + 1)
          },
          async *rows(n) {
            deepest = Math.max(deepest, n)
            yield* other.rows(n + 1)
          },
          deepest: () => deepest,
        }, { onError() {} })
        console.log('up')
        """,
    ),
    "blocking": (
        "python",
        """
other = ipc.connect("OTHER", lazy=True)
seen = [0]

def call(n):
    seen.append(n)
    return other.call(n + 1)

def rows(n):
    seen.append(n)
    yield from other.rows(n + 1)

service = {"call": call, "rows": rows, "deepest": lambda: max(seen)}
ipc.serve("ME", service, threads=100, on_error=lambda error, method: None)
print("up", flush=True)
input()
""",
    ),
    "asyncio": (
        "python",
        """
import asyncio
from ipcbridge import aio

seen = [0]
others = []

async def connected():
    if not others:
        others.append(await aio.connect("OTHER"))
    return others[0]

async def call(n):
    seen.append(n)
    return await (await connected()).call(n + 1)

async def rows(n):
    seen.append(n)
    async for row in (await connected()).rows(n + 1):
        yield row

async def main():
    service = {"call": call, "rows": rows, "deepest": lambda: max(seen)}
    async with aio.serve("ME", service, on_error=lambda error, method: None):
        print("up", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
""",
    ),
}
CALLER = """
import json

first, second = ipc.connect("first"), ipc.connect("second")
told = []
for act in (lambda: first.call(0), lambda: list(first.rows(0))):
    try:
        act()
    except ipc.RemoteError as error:
        told.append([error.code, error.message])
print(json.dumps([told, sorted([first.deepest(), second.deepest()])]))
"""


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("node", "node"),
        ("node", "blocking"),
        ("node", "asyncio"),
        ("blocking", "blocking"),
        ("blocking", "asyncio"),
        ("asyncio", "asyncio"),
    ],
)
def test_the_call_beyond_the_limit_fails_and_names_the_recursion(first: str, second: str, directory: Path) -> None:
    def program(kind: str, me: str, other: str) -> tuple[str, str]:
        language, text = SERVICES[kind]
        return language, text.replace("ME", me).replace("OTHER", other)

    with running(*program(first, "first", "second")), running(*program(second, "second", "first")):
        done = run("python", CALLER)
    assert done.returncode == 0, done.stderr
    errors, deepest = json.loads(done.stdout)
    for code, message in errors:
        assert code == "resource_exhausted"
        assert "was not sent: 128 calls wait for one another already" in message
        assert "a recursion without end" in message
    assert len(errors) == 2
    assert deepest == [126, 127]
