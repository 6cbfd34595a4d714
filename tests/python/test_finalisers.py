"""Finalisers run at any allocation, on any thread, and may use the API: nothing waits for itself there."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any

import pytest
from children import Children
from either import Run

import ipcbridge as ipc
from ipcbridge import aio

# A collection, and with it the callback, begins at whatever allocation of a container comes next.
USE_THE_API_IN_EVERY_COLLECTION = """
import faulthandler, gc
faulthandler.dump_traceback_later(50, exit=True)
new = lambda **options: ipc.serve('calc', {'f': abs, 'wait': wait}, **options)
async def wait(): return 1
server, other = new(), ipc.serve('other', {'f': abs}, serial=True)
calc, quick = ipc.connect('calc'), ipc.connect('other')
collections = 0
def finalise(phase, _info):
    global collections
    if phase == 'start' and in_main():
        collections += 1
        ipc.on_state(calc, print)()
        ipc.on_state(server, print)()
        quick.f(1)
        ipc.notify(quick).f('no number')
        if collections % 50 == 0: ipc.connect('other').f(1)
gc.callbacks.append(finalise)
gc.set_threshold(5)
"""

USES = {
    "listening": "ipc.on_state(calc, len)()",
    "calling": "calc.f(-1)",
    "calling a coroutine": "calc.wait()",
    "connecting": "ipc.close(ipc.connect('calc'))",
    "failing": """
try: calc.f()
except ipc.RemoteError: pass
""",
    "serving": "ipc.close(new())",
    "serving one at a time": """
server = new(serial=True)
calc.f(1)
calc.wait()
server.close()
server.close()
server.wait()
""",
}


@pytest.mark.parametrize("use", USES)
def test_a_finaliser_may_use_the_api_while_the_library_is(use: str, children: Children) -> None:
    body = "".join(f"\n    {line}" for line in USES[use].strip().splitlines())
    end = "gc.callbacks.clear()\nassert collections\nsay('ok')"
    child = children.run(f"{USE_THE_API_IN_EVERY_COLLECTION}\nfor _ in range(20):{body}\n{end}")
    output, errors = child.rest()
    assert output == "ok\n", errors


def test_an_asyncio_client_may_be_collected_on_any_thread(serve: Any, run: Run) -> None:
    server = serve("calc", {"add": lambda a, b=0: a + b})

    def connections() -> int:
        number: int = server.status()["connections"]
        return number

    async def main() -> None:
        calc = await aio.connect("calc")
        dropped = await aio.connect("calc")
        assert await dropped.add(1) == 1
        assert connections() == 2
        cycle: list[Any] = [dropped]
        cycle.append(cycle)
        del dropped, cycle
        collector = threading.Thread(target=gc.collect)
        collector.start()
        collector.join()
        while connections() == 2:
            assert await calc.add(1) == 1
        assert await calc.add(2) == 2

    gc.collect()
    gc.disable()
    try:
        run(main())
    finally:
        gc.enable()


def test_an_asyncio_client_that_is_dropped_is_closed_while_the_loop_sleeps(serve: Any, run: Run) -> None:
    server = serve("calc", {"add": lambda a, b=0: a + b})

    async def main() -> None:
        dropped = await aio.connect("calc")
        await dropped.add(1)
        await asyncio.sleep(0)
        del dropped

        def wait_until_closed() -> None:
            while server.status()["connections"]:
                pass

        await asyncio.to_thread(wait_until_closed)

    run(main())


def test_calls_leave_nothing_behind(serve: Any, connect: Any) -> None:
    serve("calc", {"add": lambda a, b=0: a + b})
    calc = connect("calc")
    patient = ipc.with_options(calc, timeout=60, metadata={"user": "ann"})

    def calls() -> None:
        patient.add(1)
        ipc.notify(calc).add(1)
        ipc.on_state(calc, len)()

    assert growth(calls) < 100


def test_asyncio_calls_leave_nothing_behind(serve: Any, run: Run) -> None:
    serve("calc", {"add": lambda a, b=0: a + b, "sleep": __import__("time").sleep})

    async def main() -> None:
        calc = await aio.connect("calc")
        patient = aio.with_options(calc, timeout=60)

        async def calls() -> None:
            assert await patient.add(1) == 1
            await aio.notify(calc).add(1)
            call = patient.sleep(0.001)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

        for _ in range(20):
            await calls()
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(200):
            await calls()
        gc.collect()
        assert len(gc.get_objects()) - before < 100

    run(main())


def growth(calls: Any) -> int:
    """How many objects are left of 200 rounds."""
    for _ in range(20):
        calls()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(200):
        calls()
    gc.collect()
    return len(gc.get_objects()) - before


def test_a_listener_that_is_ended_is_let_go(serve: Any, connect: Any) -> None:
    serve("calc", {"f": len})

    def listener(_state: str, _reason: object) -> None: ...

    gone = weakref.ref(listener)
    ipc.on_state(connect("calc"), listener)()
    del listener
    gc.collect()
    assert gone() is None
