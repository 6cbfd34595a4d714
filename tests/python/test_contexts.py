"""Each call has a context of its own: what a handler sets in a ContextVar is gone with its call."""

from __future__ import annotations

import asyncio
import contextvars
import decimal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from children import Children

import ipcbridge as ipc
from ipcbridge import aio

user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


class Service:
    def login(self, name: str) -> None:
        user.set(name)
        decimal.getcontext().prec = 4

    async def login_async(self, name: str) -> None:
        self.login(name)

    def who(self) -> tuple[str, int]:
        return user.get(), decimal.getcontext().prec

    async def who_async(self) -> tuple[str, int]:
        return self.who()


KINDS: dict[str, Any] = {
    "threads": lambda: {"threads": 1},
    "serial": lambda: {"serial": True},
    "executor": lambda: {"executor": ThreadPoolExecutor(1)},
}
LOGINS = ["login", "login_async"]
ASKS = ["who", "who_async"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("who", ASKS)
def test_the_next_call_of_a_thread_finds_nothing_of_the_one_before(
    kind: str, login: str, who: str, serve_either: Any, connect: Any
) -> None:
    serve_either("calc", Service(), **KINDS[kind]())
    calc = connect("calc")
    for _ in range(2):
        getattr(calc, login)("ann")
        assert getattr(calc, who)() == ["nobody", 28]


def test_the_context_around_an_asyncio_server_stays_as_it_is(connect: Any) -> None:
    async def main() -> None:
        user.set("the server")
        decimal.getcontext().prec = 10
        async with await aio.serve("calc", Service(), threads=1), await aio.connect("calc") as calc:
            for login in (calc.login, calc.login_async):
                await login("ann")
                assert await calc.who() == ["the server", 10]
                assert await calc.who_async() == ["the server", 10]
        assert Service().who() == ("the server", 10)

    contextvars.Context().run(asyncio.run, main())


def test_handlers_of_run_have_the_context_of_its_caller_and_leave_it_as_it_is(children: Children, connect: Any) -> None:
    server = children.run(
        """
        import contextvars, decimal
        user = contextvars.ContextVar('user')
        user.set('main'); decimal.getcontext().prec = 10
        def login(name):
            user.set(name); decimal.getcontext().prec = 4
        def who():
            return [user.get(), decimal.getcontext().prec] if in_main() else None
        server = ipc.serve('calc', {'login': login, 'who': who})
        say('ready')
        try: server.run()
        except KeyboardInterrupt: say(who())
        """
    )
    server.expect("ready")
    calc = connect("calc")
    while calc.who() is None:
        pass
    calc.login("ann")
    assert calc.who() == ["main", 10]
    server.interrupt()
    server.expect("['main', 10]")
    assert isinstance(calc, ipc.Proxy)
