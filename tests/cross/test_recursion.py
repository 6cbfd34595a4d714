"""Two services that call each other without end are told so, whatever they are written in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from programs import run, running

PLAIN_HANDLERS = """
other = ipc.connect("OTHER", lazy=True)
seen = [0]

def call(n):
    seen.append(n)
    return other.call(n + 1)

def rows(n):
    seen.append(n)
    yield from other.rows(n + 1)
"""

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
        PLAIN_HANDLERS
        + """

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


# Its handlers are plain functions, each of which keeps a thread while it waits.
ON_THREADS = {
    "blocking": SERVICES["blocking"][1].replace("threads=100", "threads=THREADS"),
    "asyncio": PLAIN_HANDLERS
    + """
import asyncio
from ipcbridge import aio

async def deepest():
    return max(seen)

async def main():
    service = {"call": call, "rows": rows, "deepest": deepest}
    async with aio.serve("ME", service, threads=THREADS, on_error=lambda error, method: None):
        print("up", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
""",
}
RECURSE = """
import json

first = ipc.with_options(ipc.connect("first"), timeout=30)
try:
    first.ACT
except ipc.IpcError as error:
    print(json.dumps([error.code, error.message]))
"""


def on_threads(kind: str, me: str, other: str, threads: int) -> tuple[str, str]:
    program = ON_THREADS[kind].replace("ME", me).replace("OTHER", other).replace("THREADS", str(threads))
    return "python", program


def refusal(act: str) -> tuple[str, str]:
    done = run("python", RECURSE.replace("first.ACT", act))
    assert done.returncode == 0, done.stderr
    code, message = json.loads(done.stdout)
    return code, message


@pytest.mark.parametrize("threads", [8, 1])
@pytest.mark.parametrize("second", ["blocking", "asyncio"])
@pytest.mark.parametrize("first", ["blocking", "asyncio"])
def test_a_call_for_which_all_threads_wait_is_refused(first: str, second: str, threads: int, directory: Path) -> None:
    with (
        running(*on_threads(first, "first", "second", threads)),
        running(*on_threads(second, "second", "first", threads)),
    ):
        code, message = refusal("first.call(0)")
    assert code == "resource_exhausted"
    assert "call() would never begin" in message
    assert ("the only thread" if threads == 1 else "all 8 threads") in message


@pytest.mark.parametrize("kind", ["blocking", "asyncio"])
def test_so_is_one_of_generators(kind: str, directory: Path) -> None:
    with running(*on_threads(kind, "first", "second", 8)), running(*on_threads(kind, "second", "first", 8)):
        code, message = refusal("list(first.rows(0))")
    assert code == "resource_exhausted"
    assert "rows() would never begin: all 8 threads" in message


@pytest.mark.parametrize("between", ["node", "asyncio"])
@pytest.mark.parametrize("kind", ["blocking", "asyncio"])
def test_handlers_without_a_thread_pass_on_which_threads_wait(kind: str, between: str, directory: Path) -> None:
    language, program = SERVICES[between]
    program = program.replace("ME", "second").replace("OTHER", "first")
    with running(*on_threads(kind, "first", "second", 8)), running(language, program):
        code, message = refusal("first.call(0)")
    assert code == "resource_exhausted"
    assert "call() would never begin: all 8 threads" in message


def test_metadata_of_its_own_do_not_hide_who_waits(directory: Path) -> None:
    with running(*on_threads("blocking", "first", "second", 1)), running(*on_threads("blocking", "second", "first", 1)):
        act = 'ipc.with_options(first, metadata={"user": "ada"}, pass_on=["user"]).call(0)'
        code, message = refusal(act)
    assert code == "resource_exhausted"
    assert "call() would never begin: the only thread" in message


def test_calls_that_end_by_themselves_wait_for_a_thread(directory: Path) -> None:
    # Four chains take four of the second service's five threads, and come back for the one that is left.
    service = """
import threading

other = ipc.connect("OTHER", lazy=True)
full = threading.Barrier(4)

def down(n):
    if n == 3:
        full.wait(30)  # every chain has come so far
    return 0 if n == 0 else 1 + other.down(n - 1)

def fan(count):
    return sum(future.result() for future in [ipc.submit(other).down(0) for _ in range(count)])

ipc.serve("ME", {"down": down, "fan": fan}, threads=THREADS)
print("up", flush=True)
input()
"""
    first = service.replace("ME", "first").replace("OTHER", "second").replace("THREADS", "12")
    second = service.replace("ME", "second").replace("OTHER", "first").replace("THREADS", "5")
    caller = """
first = ipc.connect("first")
futures = [ipc.submit(first).down(3) for _ in range(4)] + [ipc.submit(first).fan(20) for _ in range(4)]
print([future.result(60) for future in futures])
"""
    with running("python", first), running("python", second):
        done = run("python", caller)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([3] * 4 + [0] * 4)


def test_the_only_thread_comes_free_for_a_call_that_its_callee_does_not_wait_for(directory: Path) -> None:
    single = """
import threading

told = threading.Event()
other = ipc.connect("second", lazy=True)

def work():
    return other.work()

ipc.serve("first", {"work": work, "tell": told.set, "is_told": told.is_set}, threads=1)
print("up", flush=True)
input()
"""
    telling = """
const first = ipc.connect('first', { lazy: true })
const begun = []
await ipc.serve('second', { work() { begun.push(first.tell()); return 7 }, told: () => begun[0] })
console.log('up')
"""
    caller = """
first, second = ipc.connect("first"), ipc.connect("second")
print(first.work(), second.told(), first.is_told())
"""
    with running("python", single), running("node", telling):
        done = run("python", caller)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "7 None True"
