"""What an error that nobody catches prints when it has come through three processes of two languages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from programs import run, running

OTHER = {"node": "python", "python": "node"}

INNER = {
    "node": """
        function failDeep() { throw new RangeError('too far') }
        await ipc.serve('inner', { fail: () => failDeep() }, { onError() {} })
        console.log('up')
    """,
    "python": """
def fail_deep():
    raise LookupError("too far")

ipc.serve("inner", {"fail": lambda: fail_deep()}, on_error=lambda error, method: None)
print("up", flush=True)
input()
""",
}
MIDDLE = {
    "node": """
        const inner = await ipc.connect('inner')
        async function relayOn() { return await inner.fail() }
        await ipc.serve('middle', { relay: () => relayOn() }, { onError() {} })
        console.log('up')
    """,
    "python": """
inner = ipc.connect("inner")

def relay_on():
    return inner.fail()

ipc.serve("middle", {"relay": lambda: relay_on()}, on_error=lambda error, method: None)
print("up", flush=True)
input()
""",
    "asyncio": """
import asyncio
from ipcbridge import aio

async def main():
    inner = await aio.connect("inner")

    async def relay_on():
        return await inner.fail()

    async with aio.serve("middle", {"relay": relay_on}, on_error=lambda error, method: None):
        print("up", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
""",
}
OUTER = {
    "node": """
        const middle = await ipc.connect('middle')
        async function callIt() { return await middle.relay() }
        await callIt().catch(error => {
          console.log(String(error))
          console.log(JSON.parse(JSON.stringify(error)).message)
          throw error
        })
    """,
    "python": """
middle = ipc.connect("middle")

def call_it():
    return middle.relay()

try:
    call_it()
except ipc.RemoteError as error:
    print(error)
    print(error.message)
    raise
""",
}
OUTER["asyncio"] = """
import asyncio
from ipcbridge import aio

async def call_it():
    async with aio.connect("middle") as middle:
        return await middle.relay()

async def main():
    try:
        await call_it()
    except aio.RemoteError as error:
        print(error)
        print(error.message)
        raise

asyncio.run(main())
"""
# The functions of each process as they stand in a stack, nearest to the caller first.
FRAMES = {
    "node": {"inner": "[node] at failDeep ", "middle": "[node] at async relayOn ", "outer": "    at async callIt "},
    "python": {"inner": "in fail_deep", "middle": "in relay_on", "outer": "in call_it"},
}
FRAMES["asyncio"] = FRAMES["python"]
TYPES = {"node": "RangeError", "python": "LookupError"}


@pytest.mark.parametrize(
    ("program", "middle"), [("node", "python"), ("node", "asyncio"), ("python", "node"), ("asyncio", "node")]
)
def test_one_stack_tells_of_all_three_processes(program: str, middle: str, directory: Path) -> None:
    outer = "node" if program == "node" else "python"
    with running(outer, INNER[outer]), running(OTHER[outer], MIDDLE[middle]):
        done = run(outer, OUTER[program])
    assert done.returncode == 1
    shown = f"{TYPES[outer]}: too far"
    assert done.stdout.splitlines() == [f"RemoteError: {shown}" if outer == "node" else shown, "too far"]
    printed = done.stderr
    assert shown in printed
    if outer == "python" and sys.version_info < (3, 11):
        return  # which prints no notes
    frames = [FRAMES[outer]["outer"], FRAMES[middle]["middle"], FRAMES[outer]["inner"]]
    places = [printed.index(frame) for frame in frames]
    assert places == sorted(places), printed
    lines = printed.splitlines()
    for language, beginning in (("node", "at "), ("python", 'File "')):
        marked = [line for line in lines if line.strip().startswith(f"[{language}] {beginning}")]
        assert marked, printed
        unmarked = [line for line in lines if line.strip().startswith(beginning)]
        assert not unmarked or language == outer, printed
    assert "js/dist" not in printed
    assert printed.count(frames[2]) == 1, printed
