"""The asyncio peer: does what the harness says, each command as a task. `uvloop` as the argument chooses that loop."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
import threading
from collections import Counter
from typing import Any

from lines import become, commands, event, say

# isort: split
from around import doubled_async, options_of
from async_service import AsyncService
from async_streams import AsyncStreamActions
from callbacks import READ, SET, AsyncGate, Tally, async_function_of, code_of_awaited, function_of, offered, total_later
from calls import arguments_of, clients, member_of, view_of
from cancels import cancel_tasks
from cycles import cycle_at_once
from many import Many
from memory import own_allocations, own_memory
from references import shared
from telling import tell, tell_error

from ipcbridge import aio

servers: dict[str, aio.Server] = {}
crowd: list[Any] = []
gate = AsyncGate()
cancellable: dict[int, Any] = {}  # what a command waits for


class Actions(AsyncStreamActions):
    async def open_many(self, on: str, count: int, **_: Any) -> None:
        self.many = Many()
        await self.many.open(clients[on], count)

    async def lose_many(self, **_: Any) -> Any:
        return await self.many.lose()

    async def directory(self, path: str, **_: Any) -> None:
        os.environ["IPCBRIDGE_DIR"] = path

    async def connect(self, address: Any, options: Any = None, **command: Any) -> Any:
        given = options_of(options, doubled_async)
        connecting: Any = aio.connect(address, **given)
        clients[command["as"]] = remote = connecting if given.get("lazy") else await connecting
        return aio.status(remote)

    async def call(self, **command: Any) -> Any:
        args, kwargs = arguments_of(command)
        if command.get("by_name"):
            call = aio.call(view_of(command), command["method"], args, kwargs)
        else:
            call = member_of(view_of(command), command["method"])(*args, **kwargs)
        cancellable[command["id"]] = call
        return tell(await call)

    async def open_gate(self, **_: Any) -> None:
        gate.open()

    async def each(self, items: list[Any], kind: str, **command: Any) -> Any:
        function = gate.wait if kind == "gated" else function_of(kind)
        return await view_of(command).each(items, function)

    async def pass_function(self, method: str, args: list[Any], kind: str, **command: Any) -> Any:
        return await getattr(view_of(command), method)(*args, async_function_of(kind))

    async def each_later(self, count: int, kind: str, **command: Any) -> Any:
        return [item async for item in view_of(command).each_later(count, function_of(kind))]

    async def retained(self, on: str, **_: Any) -> Any:
        remote = clients[on]
        with aio.retain(function_of("plain")) as function:
            seen = [await remote.keep(function), await remote.keep(function), await remote.fire(21)]
        return [*seen, await code_of_awaited(lambda: remote.fire(1))]

    async def counter(self, on: str, **_: Any) -> Any:
        counter = await clients[on].counter()
        seen = [await counter.add(2), await counter.add(3), await aio.get_attribute(counter, "total")]
        await aio.set_attribute(counter, "total", 100)
        seen += [await counter.add(1), await code_of_awaited(lambda: aio.get_attribute(counter, "_x"))]
        aio.release(counter)
        return [*seen, await code_of_awaited(lambda: counter.add(1))]

    async def attributes(self, on: str, **_: Any) -> Any:
        counter = await clients[on].counter()
        await counter.add(4)
        codes = [await code_of_awaited(lambda name=name: aio.get_attribute(counter, name)) for name in READ]
        codes += [await code_of_awaited(lambda name=name: aio.set_attribute(counter, name, 1)) for name in SET]
        return [codes, await aio.get_attribute(counter, "twice"), await counter.add(1)]

    async def same(self, on: str, **_: Any) -> Any:
        double, other = function_of("plain"), function_of("plain")
        return await clients[on].same(double, double, other)

    async def give_and_forget(self, on: str, **_: Any) -> None:
        for number in range(100):
            await clients[on].keep(aio.retain(lambda number=number: number))
        await clients[on].keep(None)

    async def take_and_forget(self, on: str, **_: Any) -> None:
        for number in range(100):
            await (await clients[on].counter()).add(number)

    async def collect(self, **_: Any) -> None:
        gc.collect()

    async def counter_back(self, on: str, **_: Any) -> Any:
        counter = await clients[on].counter()
        count_with = clients[on].count_with
        return [await count_with(counter), await count_with(aio.proxy(counter)), await counter.add(1)]

    async def connect_both_ways(self, address: Any, name: str, **command: Any) -> int:
        clients[command["as"]] = await aio.connect(address, serve=offered(total_later), name=name)
        return os.getpid()

    async def ask_peers(self, value: Any, **command: Any) -> Any:
        peers = servers[command["as"]].peers
        same = all(one is other for one, other in zip(peers, servers[command["as"]].peers))
        outcomes = await aio.fan_out(peers).answer(value)
        return [same, [outcome.value if outcome.error is None else "failed" for outcome in outcomes]]

    async def own_counter(self, on: str, **_: Any) -> Any:
        tally = Tally()
        passed = aio.proxy(tally)
        return [await clients[on].count_with(passed), await clients[on].count_with(passed), tally.total]

    async def cancel_many(self, on: str, count: int, **_: Any) -> Any:
        return await cancel_tasks(clients[on], count, random.Random(count))

    async def cycle(self, on: str, count: int, **_: Any) -> None:
        await cycle_at_once(clients[on], count)

    async def memory(self, **_: Any) -> int:
        return own_memory()

    async def allocations(self, **_: Any) -> tuple[int, int]:
        return own_allocations()

    async def shared(self, **_: Any) -> int:
        return shared()

    async def has(self, on: str, method: str, **_: Any) -> bool:
        return hasattr(clients[on], method)

    async def cancel(self, call: int, **_: Any) -> None:
        cancellable[call].cancel()

    async def notify(self, **command: Any) -> None:
        args, kwargs = arguments_of(command)
        method = member_of(aio.notify(view_of(command)), command["method"])
        for _ in range(command.get("times", 1)):
            await method(*args, **kwargs)

    async def describe(self, on: str, **_: Any) -> Any:
        return await aio.describe(clients[on])

    async def status(self, on: str, **_: Any) -> Any:
        return aio.status(clients[on])

    async def watch(self, on: str, **_: Any) -> None:
        aio.on_state(clients[on], lambda state, _reason: event("state", state=state))

    async def watch_server(self, **command: Any) -> None:
        aio.on_state(
            servers[command["as"]],
            lambda state, reason: event("server state", state=state, code=reason and reason.code),
        )

    async def close(self, on: str, **_: Any) -> None:
        await aio.close(clients[on])

    async def burst(self, count: int, in_flight: int | None = None, **command: Any) -> Any:
        method = member_of(view_of(command), command["method"])
        tally: Counter[str] = Counter()
        codes: Counter[str] = Counter()

        def end(i: int, call: asyncio.Future[int]) -> None:
            error = call.exception()
            if error is None:
                tally["ok" if call.result() == i + 1 else "wrong"] += 1
            else:
                code, sent = error.code, error.sent  # type: ignore[attr-defined]
                codes[f"{code}, sent {sent}" if sent else code] += 1
            tally["ended"] += 1
            if tally["ended"] == -(-count // 10):
                event("underway")

        async def caller(numbers: Any) -> None:
            for i in numbers:
                call = method(i, 1)
                await asyncio.gather(call, return_exceptions=True)
                end(i, call)

        if in_flight is None:
            made = [method(i, 1) for i in range(count)]
            for i, call in enumerate(made):
                call.add_done_callback(lambda done, i=i: end(i, done))
            await asyncio.gather(*made, return_exceptions=True)
        else:
            numbers = iter(range(count))
            await asyncio.gather(*(caller(numbers) for _ in range(in_flight)))
        return {"ok": tally["ok"], "wrong": tally["wrong"], "twice": tally["ended"] - count, "codes": codes}

    async def crowd(self, address: str, count: int, options: Any = None, **_: Any) -> Any:
        async def one() -> int:
            crowd.append(await aio.connect(address, **(options or {})))
            return await crowd[-1].add(1, 2)

        results = await asyncio.gather(*(one() for _ in range(count)), return_exceptions=True)
        codes = [result.code for result in results if isinstance(result, aio.IpcError)]
        return {"ok": results.count(3), "codes": codes}

    async def call_crowd(self, **_: Any) -> bool:
        sums = await asyncio.gather(*(remote.add(i, 1) for i, remote in enumerate(crowd)))
        return all(total == i + 1 for i, total in enumerate(sums))

    async def disperse(self, **_: Any) -> None:
        while crowd:
            await aio.close(crowd.pop())

    async def serve(self, address: str, options: Any = None, methods: Any = None, **command: Any) -> None:
        service = AsyncService(aio.connect) if methods is None else {name: lambda name=name: name for name in methods}
        servers[command["as"]] = await aio.serve(
            address, service, on_error=_failed, **options_of(options, doubled_async)
        )

    async def server_status(self, **command: Any) -> Any:
        return servers[command["as"]].status()

    async def unserve(self, grace: float, **command: Any) -> None:
        await servers[command["as"]].close(grace)

    async def become(self, uid: int, **_: Any) -> None:
        become(uid)

    async def reset(self, **_: Any) -> None:
        gate.close()
        self.streams.clear()
        await self.disperse()
        while clients:
            await aio.close(clients.popitem()[1])
        while servers:
            await servers.popitem()[1].close(0)


def _failed(error: BaseException, method: str) -> None:
    event("handler failed", method=method, error=str(error))


async def obey(actions: Actions, command: dict[str, Any]) -> None:
    cancellable[command["id"]] = asyncio.current_task()
    try:
        say(re=command["id"], value=await getattr(actions, command["do"])(**command))
    except BaseException as error:
        say(re=command["id"], error=tell_error(error))
    finally:
        del cancellable[command["id"]]


async def main() -> None:
    loop = asyncio.get_running_loop()
    end = loop.create_future()
    actions = Actions()
    tasks: set[asyncio.Task[None]] = set()

    def heed(command: dict[str, Any]) -> None:
        if command["do"] == "exit":
            end.set_exception(SystemExit(command["code"]))
        elif command["do"] == "raise":
            end.set_exception(RuntimeError("as asked"))
        else:
            task = loop.create_task(obey(actions, command))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    def read() -> None:
        for command in commands():
            loop.call_soon_threadsafe(heed, command)
        loop.call_soon_threadsafe(end.set_result, None)

    threading.Thread(target=read, daemon=True).start()
    await end


if __name__ == "__main__":
    if sys.argv[1:] == ["uvloop"]:
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())
