"""gevent and eventlet in place of Python's threads are refused, with what to write; calls would wait for ever."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
from children import Child, Children

PATCHES = {
    "gevent": "from gevent.monkey import patch_all as patch",
    "eventlet": "import warnings; warnings.simplefilter('ignore')\nfrom eventlet import monkey_patch as patch",
}
PATCH_NAMES = {"gevent": "patch_all", "eventlet": "monkey_patch"}
MODULES = {"gevent": "gevent.threadpool", "eventlet": "eventlet.tpool"}
TELL = """
def tell(use):
    import ipcbridge as ipc
    try:
        say(use())
    except ipc.IpcError as error:
        say(f'{error.code}: {error}')
async def add(a, b):
    return a + b
def serves_blocking():
    import ipcbridge as ipc
    with ipc.serve('calc', {'add': add}), ipc.connect('calc') as calc:
        return calc.add(1, 2)
def serves():
    import asyncio
    from ipcbridge import aio
    async def main():
        async with aio.serve('calc', {'add': add}), aio.connect('calc') as calc:
            return await calc.add(2, 3)
    return asyncio.run(main())
"""


@pytest.fixture(params=PATCHES)
def library(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def run(children: Children, library: str) -> Any:
    """Starts a program in which patch() is that of the library; tell(use) prints what use() returns, or why not."""

    def run(code: str) -> Child:
        return children.run_bare(f"{PATCHES[library]}\n{TELL}\n{textwrap.dedent(code)}")

    return run


def test_replaced_threads_are_refused_at_first_use(run: Any, library: str) -> None:
    child = run(
        """
        patch()
        import ipcbridge as ipc
        tell(lambda: ipc.serve('calc', {'f': len}))
        tell(lambda: ipc.connect('calc'))
        tell(lambda: ipc.connect('calc', lazy=True).f([]))
        tell(serves)
        """
    )
    for _ in range(4):
        said = child.line()
        assert said.startswith(f"failed_precondition: {library} has replaced the threads")
        assert f"write {PATCH_NAMES[library]}(thread=False)" in said
    assert child.rest() == ("", "")


def test_with_threads_left_alone_calls_and_greenlets_go_on(run: Any, library: str) -> None:
    elsewhere = {
        "gevent": "gevent.get_hub().threadpool.apply(calc.wait, (60,))",
        "eventlet": "eventlet.tpool.execute(calc.wait, 60)",
    }[library]
    child = run(
        f"""
        patch(thread=False)
        import threading
        import {library}, {MODULES[library]}
        import ipcbridge as ipc
        opened = threading.Event()
        service = {{'wait': opened.wait, 'apply': lambda f, x: f(x), 'count': lambda n: (i for i in range(n))}}
        with ipc.serve('calc', service), ipc.connect('calc') as calc:
            tell(lambda: calc.apply(lambda x: x + 1, 1))
            tell(lambda: list(calc.count(3)))
            {library}.spawn(opened.set)  # it runs if the call does not stop it
            tell(lambda: {elsewhere})
        """
    )
    for line in ("2", "[0, 1, 2]", "True"):
        child.expect(line)
    assert child.rest() == ("", "")


def test_asyncio_works_beside_but_async_handlers_of_blocking_servers_need_select(run: Any, library: str) -> None:
    child = run("patch(thread=False)\ntell(serves)\ntell(serves_blocking)")
    child.expect("5")
    said = child.line()
    assert said.startswith(f"failed_precondition: {library} has replaced select")
    assert f"write {PATCH_NAMES[library]}(thread=False, select=False)" in said
    assert child.rest() == ("", "")


def test_with_threads_and_select_left_alone_both_work(run: Any) -> None:
    child = run("patch(thread=False, select=False)\ntell(serves)\ntell(serves_blocking)")
    child.expect("5")
    child.expect("3")
    assert child.rest() == ("", "")


def test_threads_that_are_replaced_later_end_nothing_in_a_hang(run: Any, library: str) -> None:
    child = run(
        """
        import ipcbridge as ipc
        server = ipc.serve('calc', {'f': len, 'apply': lambda f: f(1)})
        calc = ipc.connect('calc')
        tell(lambda: calc.f([1]))
        patch()
        tell(lambda: calc.f([1, 2]))
        tell(lambda: ipc.on_state(calc, print))
        tell(lambda: calc.apply(len))
        tell(lambda: ipc.submit(calc).f([]).result(60))
        tell(lambda: ipc.connect('calc'))
        server.close()
        say('closed')
        """
    )
    child.expect("1")
    child.expect("2")
    for _ in range(4):
        assert child.line().startswith(f"failed_precondition: {library} has replaced the threads")
    child.expect("closed")
    child.rest()  # Python itself complains of threads that it no longer knows
    assert child.returncode == 0
