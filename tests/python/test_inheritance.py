"""What calls made by a handler inherit from the call that it serves, and where context() knows that call."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
import time
from typing import Any

import pytest
from either import Run

import ipcbridge as ipc
from ipcbridge import aio

TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=1"}


def see() -> list[Any]:
    return [ipc.context().metadata, ipc.context().deadline]


@pytest.fixture
def inner(serve: Any, connect: Any) -> Any:
    """A service whose see() tells the metadata and the deadline of its call."""
    serve("inner", {"see": see})
    return connect("inner")


@pytest.fixture
def outer(serve: Any, connect: Any, inner: Any) -> Any:
    """A service whose handlers call the inner one."""

    async def ask_async() -> Any:
        await asyncio.sleep(0)
        return await asyncio.to_thread(inner.see) if hasattr(asyncio, "to_thread") else inner.see()

    service = {
        "ask": lambda: inner.see(),
        "ask_with": lambda options: ipc.with_options(inner, **options).see(),
        "ask_async": ask_async,
        "ask_again": lambda: connect("outer").ask(),
        "submit": lambda: ipc.submit(inner).see().result(30),
        "fan_out": lambda: ipc.fan_out([inner]).see()[0].value,
    }
    serve("outer", service)
    return connect("outer")


def test_metadata_that_are_marked_pass_on_and_others_do_not(outer: Any) -> None:
    marked = ipc.with_options(outer, metadata={"tenant": 7, "secret": 1}, pass_on=["tenant"])
    for ask in (marked.ask, marked.ask_async, marked.submit, marked.fan_out, marked.ask_again):
        assert ask() == [{"tenant": 7}, None]
    assert outer.ask() == [{}, None]


def test_a_trace_passes_on_by_itself(outer: Any) -> None:
    assert ipc.with_options(outer, metadata={**TRACE, "secret": 1}).ask_again()[0] == TRACE


def test_own_metadata_replace_what_is_inherited(outer: Any) -> None:
    marked = ipc.with_options(outer, metadata={"tenant": 7, **TRACE}, pass_on=["tenant"])
    assert marked.ask_with({"metadata": {"tenant": 8, "own": 1}})[0] == {"tenant": 8, "own": 1, **TRACE}


def test_the_mark_itself_is_not_shown(outer: Any, serve: Any, connect: Any) -> None:
    serve("plain", {"see": see})
    marked = ipc.with_options(connect("plain"), metadata={"tenant": 7}, pass_on=["tenant"])
    assert marked.see()[0] == {"tenant": 7}


def test_what_is_inherited_can_be_marked(outer: Any) -> None:
    marked = ipc.with_options(outer, metadata={"tenant": 7}, pass_on=["tenant"])
    assert marked.ask_with({"pass_on": ["tenant"]})[0] == {"tenant": 7}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"metadata": {"a": 1}, "pass_on": ["b"]}, "there is no 'b'"),
        ({"metadata": {":a": 1}}, "begins with a colon"),
        ({"metadata": {"a": 1}, "pass_on": "a"}, "pass_on is a list"),
        ({"metadata": {"a": 1}, "pass_on": [1]}, "pass_on is a list"),
        ({"metadata": {"a": "x" * 70_000}}, "may take 65536"),
    ],
)
def test_metadata_that_cannot_be_sent_are_refused_at_once(inner: Any, options: Any, why: str) -> None:
    with pytest.raises(ipc.IpcError, match=why) as caught:
        ipc.with_options(inner, **options)
    assert caught.value.code == "invalid_argument"


def test_metadata_that_are_too_large_with_what_is_inherited_are_refused(outer: Any) -> None:
    marked = ipc.with_options(outer, metadata={"a": "x" * 40_000}, pass_on=["a"])
    with pytest.raises(ipc.RemoteError, match="with what is inherited") as caught:
        marked.ask_with({"metadata": {"b": "x" * 40_000}})
    assert caught.value.code == "invalid_argument"


def test_options_keep_the_marks_of_what_they_keep(outer: Any) -> None:
    marked = ipc.with_options(outer, metadata={"a": 1, "b": 2}, pass_on=["a", "b"])
    assert ipc.with_options(marked, timeout=30).ask()[0] == {"a": 1, "b": 2}
    assert ipc.with_options(marked, metadata={"b": 3, "c": 4}).ask()[0] == {"b": 3}
    assert ipc.with_options(marked, pass_on=["a"]).ask()[0] == {"a": 1}


def test_the_deadline_of_a_nested_call_is_the_sooner_one(outer: Any) -> None:
    limited = ipc.with_options(outer, timeout=30)
    for ask in (limited.ask, limited.ask_async, limited.submit):
        assert 25 < ask()[1] <= 30
    assert 5 < limited.ask_with({"timeout": 10})[1] <= 10
    assert 25 < limited.ask_with({"timeout": 100})[1] <= 30
    assert outer.ask()[1] is None


def test_a_call_back_inherits_what_other_calls_do(serve_either: Any, connect: Any, run: Run) -> None:
    async def ask(function: Any) -> Any:
        return await function()

    serve_either("calc", {"ask": ask})
    options = {"metadata": {"tenant": 7, "secret": 1, **TRACE}, "pass_on": ["tenant"], "timeout": 30}

    async def ask_on_the_loop() -> Any:
        async with aio.connect("calc") as calc:
            return await aio.with_options(calc, **options).ask(see)

    for metadata, deadline in (ipc.with_options(connect("calc"), **options).ask(see), run(ask_on_the_loop())):
        assert metadata == {"tenant": 7, **TRACE}
        assert 25 < deadline <= 30


def test_a_nested_call_fails_at_once_when_nothing_is_left(serve: Any, connect: Any, inner: Any) -> None:
    failures = []
    done = threading.Event()

    def late() -> None:
        assert ipc.context().cancellation.wait(30)
        while (ipc.context().deadline or 0) > 0:
            pass
        for call in (inner.see, ipc.submit(inner).see, ipc.notify(inner).see):
            with pytest.raises(ipc.DeadlineExceeded) as caught:
                call()
            failures.append((str(caught.value), caught.value.sent))
        done.set()

    serve("late", {"late": late})
    with pytest.raises(ipc.DeadlineExceeded):
        ipc.with_options(connect("late"), timeout=0.05).late()
    assert done.wait(30)
    assert failures == [("the deadline of the call that the handler serves has passed", "no")] * 3


def test_nested_calls_of_an_asyncio_service_inherit(run: Run) -> None:
    async def main() -> None:
        async with aio.serve("inner", {"see": see}), aio.connect("inner") as inner:

            async def ask() -> Any:
                await asyncio.sleep(0)
                return await inner.see()

            async def ask_in_task() -> Any:
                async def later() -> Any:
                    return await inner.see()

                return await asyncio.create_task(later())

            async with aio.serve("outer", {"ask": ask, "ask_in_task": ask_in_task}), aio.connect("outer") as outer:
                marked = aio.with_options(outer, metadata={"tenant": 7}, pass_on=["tenant"], timeout=30)
                for call in (marked.ask, marked.ask_in_task):
                    metadata, deadline = await call()
                    assert metadata == {"tenant": 7}
                    assert 25 < deadline <= 30

    run(main())


def test_notifications_inherit(serve: Any, connect: Any) -> None:
    seen, told = [], threading.Event()

    def note() -> None:
        seen.append(see())
        told.set()

    serve("inner", {"note": note})
    inner = connect("inner")
    serve("outer", {"ask": lambda: ipc.notify(inner).note()})
    ipc.with_options(connect("outer"), timeout=30, metadata={"a": 1}, pass_on=["a"]).ask()
    assert told.wait(30)
    assert seen[0][0] == {"a": 1}
    assert 25 < seen[0][1] <= 30


def test_what_a_handler_leaves_behind_inherits_still(serve: Any, connect: Any, inner: Any) -> None:
    seen, told, answered = [], threading.Event(), threading.Event()

    def behind() -> None:
        assert answered.wait(30)
        seen.append(inner.see())
        told.set()

    def begin() -> None:
        threading.Thread(target=contextvars.copy_context().run, args=(behind,)).start()

    serve("outer", {"begin": begin})
    ipc.with_options(connect("outer"), timeout=30, metadata={"a": 1}, pass_on=["a"]).begin()
    answered.set()
    assert told.wait(30)
    assert seen[0][0] == {"a": 1}
    assert 25 < seen[0][1] <= 30


def test_context_is_known_wherever_a_copy_of_the_context_goes(serve_either: Any, connect: Any) -> None:
    pool = concurrent.futures.ThreadPoolExecutor(1)

    def method() -> str:
        return ipc.context().method

    async def in_task() -> str:
        async def later() -> str:
            await asyncio.sleep(0)
            return method()

        return await asyncio.create_task(later())

    async def in_thread() -> str:
        return await asyncio.get_running_loop().run_in_executor(pool, contextvars.copy_context().run, method)

    def in_pool() -> str:
        return pool.submit(contextvars.copy_context().run, method).result(30)

    def items() -> Any:
        yield method()

    serve_either("calc", {"in_task": in_task, "in_thread": in_thread, "in_pool": in_pool, "items": items})
    calc = connect("calc")
    assert [calc.in_task(), calc.in_thread(), calc.in_pool()] == ["in_task", "in_thread", "in_pool"]
    assert list(calc.items()) == ["items"]


def test_a_plain_thread_of_a_handlers_has_no_context(serve: Any, connect: Any) -> None:
    def look() -> str:
        seen: list[str] = []

        def inside() -> None:
            with pytest.raises(ipc.IpcError) as caught:
                ipc.context()
            seen.append(caught.value.code)

        thread = threading.Thread(target=inside, **({"context": contextvars.Context()} if _INHERITS else {}))
        thread.start()
        thread.join()
        return seen[0]

    serve("calc", {"look": look})
    assert connect("calc").look() == "failed_precondition"


_INHERITS = False  # threads of free-threaded Python 3.14 begin with a copy of their maker's context


def test_odd_metadata_of_a_peer_pass_nothing_on(inner: Any) -> None:
    from ipcbridge._metadata import read_metadata
    from ipcbridge._values import encode_result

    odd = read_metadata(encode_result({"a": 1, ":pass_on": 5, ":other": 1}))
    assert (odd.values, odd.names) == ({"a": 1}, [])
    mixed = read_metadata(encode_result({"a": 1, ":pass_on": ["a", 5, "b"]}))
    assert (mixed.values, mixed.names) == ({"a": 1}, ["a", "b"])


def test_time_passes_for_nested_calls_too(serve: Any, connect: Any, inner: Any) -> None:
    def ask() -> Any:
        time.sleep(0.2)
        return inner.see()[1]

    serve("outer", {"ask": ask})
    assert ipc.with_options(connect("outer"), timeout=30).ask() <= 29.8
