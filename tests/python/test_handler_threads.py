"""The threads on which plain handlers of either server run."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from children import Children

import ipcbridge as ipc
from ipcbridge import aio

NAME = "calc"


class Gate:
    """A handler that holds its thread until the gate is opened."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    def hold(self) -> bool:
        self.entered.release()
        assert self.opened.wait(60)
        return ipc.context().cancelled()


def threads_of(name: str) -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith(f"ipcbridge-{name}-")}


def test_a_call_whose_caller_gives_up_while_it_waits_never_runs(serve_either: Any, connect: Any) -> None:
    gate, ran = Gate(), []
    server = serve_either(NAME, {"hold": gate.hold, "note": ran.append}, threads=1)
    calc = connect(NAME)
    with ThreadPoolExecutor(1) as callers:
        held = callers.submit(calc.hold)
        assert gate.entered.acquire(timeout=60)
        with pytest.raises(ipc.DeadlineExceeded):
            ipc.with_options(calc, timeout=0.05).note("given up")
        while server.status()["running_calls"] > 1:  # until the service has heard of it
            pass
        gate.opened.set()
        assert held.result(60) is False
    calc.note("kept")
    assert ran == ["kept"]


def test_a_handler_on_a_thread_learns_that_its_caller_has_given_up(serve_either: Any, connect: Any) -> None:
    heard = threading.Event()

    def wait() -> None:
        while not ipc.context().cancelled():
            time.sleep(0.001)
        heard.set()

    serve_either(NAME, {"wait": wait, "cancelled": lambda: ipc.context().cancelled()}, threads=1)
    calc = connect(NAME)
    with pytest.raises(ipc.DeadlineExceeded):
        ipc.with_options(calc, timeout=0.05).wait()
    assert heard.wait(60)
    assert calc.cancelled() is False, "the next call of the thread is another"


def test_a_handler_on_a_thread_learns_that_its_server_is_closed(serve_either: Any, connect: Any) -> None:
    heard, began = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        while not ipc.context().cancelled():
            time.sleep(0.001)
        heard.set()

    server = serve_either(NAME, {"wait": wait})
    ipc.notify(connect(NAME)).wait()
    assert began.wait(60)
    server.close(grace=0)
    assert heard.wait(60)


def test_as_many_handlers_run_at_once_as_there_are_threads(serve_either: Any, connect: Any) -> None:
    gate = Gate()
    serve_either(NAME, {"hold": gate.hold}, threads=3)
    calc = connect(NAME)
    with ThreadPoolExecutor(5) as callers:
        held = [callers.submit(calc.hold) for _ in range(5)]
        for _ in range(3):
            assert gate.entered.acquire(timeout=60)
        assert len(threads_of(NAME)) == 3
        gate.opened.set()
        assert [each.result(60) for each in held] == [False] * 5
    assert len(threads_of(NAME)) == 3


def test_an_asyncio_server_starts_threads_when_calls_wait_for_one_and_they_end_with_it() -> None:
    async def main() -> None:
        server = await aio.serve("mine", {"name": lambda: threading.current_thread().name})
        calc = await aio.connect("mine")
        assert threads_of("mine") == set()
        first = await calc.name()
        assert threads_of("mine") == {first}
        # A call that comes before the thread is back from the last one starts another; those that follow are for both.
        assert {await calc.name() for _ in range(100)} <= threads_of("mine")
        assert len(threads_of("mine")) < 8, "a thread for each call, as many as there may be"
        await aio.close(calc)
        await server.close()

    asyncio.run(main())
    while threads_of("mine"):
        pass


def test_calls_are_refused_while_an_asyncio_server_can_start_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        async with await aio.serve("mine", {"f": lambda: 1}), await aio.connect("mine") as calc:
            with monkeypatch.context() as patched:
                patched.setattr(threading.Thread, "start", fail)
                for refused in await asyncio.gather(*[calc.f() for _ in range(3)], return_exceptions=True):
                    assert isinstance(refused, ipc.IpcError)
                    assert refused.code == "resource_exhausted"
            assert await calc.f() == 1

    asyncio.run(main())


def test_calls_wait_for_the_threads_that_there_are_if_no_other_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        gate = Gate()
        serving = await aio.serve("mine", {"hold": gate.hold, "f": lambda: 1})
        async with serving, await aio.connect("mine") as calc:
            held = calc.hold()
            assert await asyncio.to_thread(gate.entered.acquire, timeout=60)
            with monkeypatch.context() as patched:
                patched.setattr(threading.Thread, "start", fail)
                waiting = calc.f()
                while aio.status(serving)["running_calls"] < 2:  # noqa: ASYNC110 - nobody tells of a call that waits
                    await asyncio.sleep(0)
                gate.opened.set()
                assert await held is False
                assert await waiting == 1

    asyncio.run(main())


def test_what_a_thread_leaves_that_fails_is_run_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    failed: list[bool] = []

    def before() -> None:  # of each call; as where there is no memory
        if not failed:
            failed.append(True)
            gate.entered.release()
            assert gate.opened.wait(60)
            raise MemoryError

    async def main() -> None:
        async with await aio.serve("mine", {"f": lambda: 1}, threads=1) as serving, await aio.connect("mine") as calc:
            first = calc.f()
            assert await asyncio.to_thread(gate.entered.acquire, timeout=60)
            waiting = calc.f()
            while aio.status(serving)["running_calls"] < 2:  # noqa: ASYNC110 - nobody tells of a call that waits
                await asyncio.sleep(0)
            gate.opened.set()
            with pytest.raises(ipc.IpcError, match="could not begin the call"):
                await first
            assert await waiting == 1

    told: list[type[BaseException]] = []
    monkeypatch.setattr("ipcbridge.aio._server.decimal_context_setter", lambda _: before)
    monkeypatch.setattr(threading, "excepthook", lambda hooked: told.append(hooked.exc_type))
    asyncio.run(main())
    assert told == [MemoryError]


def test_a_call_that_cannot_begin_on_the_loop_is_answered_and_told_to_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed: list[bool] = []

    def before() -> None:
        if not failed:
            failed.append(True)
            raise MemoryError("for this call")

    async def f() -> int:
        return 1

    async def main() -> None:
        async with await aio.serve("mine", {"f": f}), await aio.connect("mine") as calc:
            with pytest.raises(ipc.IpcError, match="could not begin the call"):
                await calc.f()
            assert await calc.f() == 1

    monkeypatch.setattr("ipcbridge.aio._server.decimal_context_setter", lambda _: before)
    asyncio.run(main())
    while "MemoryError: for this call" not in caplog.text:
        time.sleep(0.001)


EXITS = {"soon": "time.sleep(0.3); say('done')", "never": "time.sleep(600)"}


@pytest.mark.parametrize("how", EXITS)
def test_a_process_lets_handlers_of_an_asyncio_server_finish_for_a_moment(children: Children, how: str) -> None:
    child = children.run(
        f"""
        begun = []
        def work():
            begun.append(1)
            {EXITS[how]}
        async def main():
            await aio.serve('mine', {{'work': work}})
            mine = await aio.connect('mine')
            aio.notify(mine).work()
            while not begun: await asyncio.sleep(0)
        asyncio.run(main())
        """
    )
    output, errors = child.rest()
    assert (child.returncode, output, errors) == (0, "done\n" if how == "soon" else "", "")


def test_a_fork_while_handlers_run_on_threads_harms_nobody(children: Children) -> None:
    child = children.run(
        """
        import warnings
        warnings.simplefilter('ignore')
        async def main():
            server = await aio.serve('mine', {'fork': fork, 'f': lambda: 1})
            mine = await aio.connect('mine')
            assert await mine.f() == 1
            assert await mine.fork() == 0
            assert await mine.f() == 1
            await aio.close(mine)
            await server.close()
        def fork():
            pid = os.fork()
            if pid == 0:
                asyncio.run(in_child())
                os._exit(0)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        async def in_child():
            async with await aio.serve('child', {'f': lambda: 2}), await aio.connect('child') as child:
                assert await child.f() == 2
        asyncio.run(main())
        """
    )
    output, errors = child.rest()
    assert (child.returncode, output, errors) == (0, "", "")
