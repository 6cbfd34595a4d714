"""The blocking Python peer: does what the harness says, each command on a thread of its own."""

from __future__ import annotations

import gc
import os
import queue
import random
import sys
import threading
from collections import Counter, defaultdict
from typing import Any

from lines import become, commands, event, say

# isort: split
from around import doubled, options_of
from callbacks import READ, SET, Gate, Tally, code_of, function_of, offered, total
from calls import arguments_of, clients, member_of, view_of
from cancels import cancel_futures
from cycles import cycle
from memory import own_allocations, own_memory
from references import shared
from service import Service
from streams import StreamActions
from telling import tell, tell_error

import ipcbridge as ipc

servers: dict[str, ipc.Server] = {}
crowd: list[Any] = []
submitted: defaultdict[int, queue.SimpleQueue[Any]] = defaultdict(queue.SimpleQueue)
gate = Gate()


class Actions(StreamActions):
    def directory(self, path: str, **_: Any) -> None:
        os.environ["IPCBRIDGE_DIR"] = path

    def connect(self, address: Any, options: Any = None, **command: Any) -> Any:
        clients[command["as"]] = remote = ipc.connect(address, **options_of(options, doubled))
        return ipc.status(remote)

    def call(self, **command: Any) -> Any:
        args, kwargs = arguments_of(command)
        if command.get("by_name"):
            return tell(ipc.call(view_of(command), command["method"], args, kwargs))
        if command.get("cancellable"):
            future = member_of(ipc.submit(view_of(command)), command["method"])(*args, **kwargs)
            submitted[command["id"]].put(future)
            return tell(future.result())
        return tell(member_of(view_of(command), command["method"])(*args, **kwargs))

    def cancel(self, call: int, **_: Any) -> None:
        future = submitted[call].get()  # its handler may have been heard of before
        if not future.cancel():
            raise AssertionError("it has ended")

    def open_gate(self, **_: Any) -> None:
        gate.open()

    def each(self, items: list[Any], kind: str, **command: Any) -> Any:
        return view_of(command).each(items, gate.wait if kind == "gated" else function_of(kind))

    def pass_function(self, method: str, args: list[Any], kind: str, **command: Any) -> Any:
        return getattr(view_of(command), method)(*args, function_of(kind))

    def each_later(self, count: int, kind: str, **command: Any) -> Any:
        return list(view_of(command).each_later(count, function_of(kind)))

    def retained(self, on: str, **_: Any) -> Any:
        remote = clients[on]
        with ipc.retain(function_of("plain")) as function:
            seen = [remote.keep(function), remote.keep(function), remote.fire(21)]
        return [*seen, code_of(lambda: remote.fire(1))]

    def counter(self, on: str, **_: Any) -> Any:
        counter = clients[on].counter()
        seen = [counter.add(2), counter.add(3), ipc.get_attribute(counter, "total")]
        ipc.set_attribute(counter, "total", 100)
        seen += [counter.add(1), code_of(lambda: ipc.get_attribute(counter, "_x"))]
        ipc.release(counter)
        return [*seen, code_of(lambda: counter.add(1))]

    def attributes(self, on: str, **_: Any) -> Any:
        counter = clients[on].counter()
        counter.add(4)
        codes = [code_of(lambda name=name: ipc.get_attribute(counter, name)) for name in READ]
        codes += [code_of(lambda name=name: ipc.set_attribute(counter, name, 1)) for name in SET]
        return [codes, ipc.get_attribute(counter, "twice"), counter.add(1)]

    def same(self, on: str, **_: Any) -> Any:
        double, other = function_of("plain"), function_of("plain")
        return clients[on].same(double, double, other)

    def give_and_forget(self, on: str, **_: Any) -> None:
        for number in range(100):
            clients[on].keep(ipc.retain(lambda number=number: number))
        clients[on].keep(None)

    def take_and_forget(self, on: str, **_: Any) -> None:
        for number in range(100):
            clients[on].counter().add(number)

    def collect(self, **_: Any) -> None:
        gc.collect()

    def counter_back(self, on: str, **_: Any) -> Any:
        counter = clients[on].counter()
        return [clients[on].count_with(counter), clients[on].count_with(ipc.proxy(counter)), counter.add(1)]

    def connect_both_ways(self, address: Any, name: str, **command: Any) -> int:
        clients[command["as"]] = ipc.connect(address, serve=offered(total), name=name)
        return os.getpid()

    def ask_peers(self, value: Any, **command: Any) -> Any:
        peers = servers[command["as"]].peers
        same = all(one is other for one, other in zip(peers, servers[command["as"]].peers))
        outcomes = ipc.fan_out(peers).answer(value)
        return [same, [outcome.value if outcome.error is None else "failed" for outcome in outcomes]]

    def own_counter(self, on: str, **_: Any) -> Any:
        tally = Tally()
        passed = ipc.proxy(tally)
        return [clients[on].count_with(passed), clients[on].count_with(passed), tally.total]

    def cancel_many(self, on: str, count: int, **_: Any) -> Any:
        return cancel_futures(clients[on], count, random.Random(count))

    def cycle(self, on: str, count: int, **_: Any) -> None:
        cycle(clients[on], count)

    def memory(self, **_: Any) -> int:
        return own_memory()

    def allocations(self, **_: Any) -> tuple[int, int]:
        return own_allocations()

    def shared(self, **_: Any) -> int:
        return shared()

    def has(self, on: str, method: str, **_: Any) -> bool:
        return hasattr(clients[on], method)

    def notify(self, **command: Any) -> None:
        args, kwargs = arguments_of(command)
        method = member_of(ipc.notify(view_of(command)), command["method"])
        for _ in range(command.get("times", 1)):
            method(*args, **kwargs)

    def describe(self, on: str, **_: Any) -> Any:
        return ipc.describe(clients[on])

    def status(self, on: str, **_: Any) -> Any:
        return ipc.status(clients[on])

    def watch(self, on: str, **_: Any) -> None:
        ipc.on_state(clients[on], lambda state, _reason: event("state", state=state))

    def watch_server(self, **command: Any) -> None:
        ipc.on_state(
            servers[command["as"]],
            lambda state, reason: event("server state", state=state, code=reason and reason.code),
        )

    def close(self, on: str, **_: Any) -> None:
        ipc.close(clients[on])

    def burst(self, count: int, in_flight: int | None = None, **command: Any) -> Any:
        method = member_of(view_of(command), command["method"])
        tally: Counter[str] = Counter()
        codes: Counter[str] = Counter()
        lock = threading.Lock()
        numbers = iter(range(count))

        def caller() -> None:
            while True:
                with lock:
                    i = next(numbers, None)
                if i is None:
                    return
                try:
                    outcome = "ok" if method(i, 1) == i + 1 else "wrong"
                    code = None
                except ipc.IpcError as error:
                    outcome, code = "failed", f"{error.code}, sent {error.sent}" if error.sent else error.code
                with lock:
                    tally[outcome] += 1
                    if code is not None:
                        codes[code] += 1
                    if sum(tally.values()) == -(-count // 10):
                        event("underway")

        threads = [threading.Thread(target=caller) for _ in range(min(in_flight or count, 32))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {"ok": tally["ok"], "wrong": tally["wrong"], "twice": 0, "codes": codes}

    def crowd(self, address: str, count: int, options: Any = None, **_: Any) -> Any:
        ok, codes = 0, []
        for _number in range(count):
            try:
                crowd.append(ipc.connect(address, **(options or {})))
                ok += crowd[-1].add(1, 2) == 3
            except ipc.IpcError as error:
                codes.append(error.code)
        return {"ok": ok, "codes": codes}

    def call_crowd(self, **_: Any) -> bool:
        return all(remote.add(i, 1) == i + 1 for i, remote in enumerate(crowd))

    def disperse(self, **_: Any) -> None:
        while crowd:
            ipc.close(crowd.pop())

    def serve(self, address: str, options: Any = None, methods: Any = None, **command: Any) -> None:
        service = Service(ipc.connect) if methods is None else {name: lambda name=name: name for name in methods}
        servers[command["as"]] = ipc.serve(address, service, on_error=_failed, **options_of(options, doubled))

    def server_status(self, **command: Any) -> Any:
        return servers[command["as"]].status()

    def unserve(self, grace: float, **command: Any) -> None:
        servers[command["as"]].close(grace)

    def become(self, uid: int, **_: Any) -> None:
        become(uid)

    def reset(self, **_: Any) -> None:
        gate.close()
        self.streams.clear()
        submitted.clear()
        self.disperse()
        while clients:
            ipc.close(clients.popitem()[1])
        while servers:
            servers.popitem()[1].close(0)


def _failed(error: BaseException, method: str) -> None:
    event("handler failed", method=method, error=str(error))


def obey(actions: Actions, command: dict[str, Any]) -> None:
    try:
        say(re=command["id"], value=getattr(actions, command["do"])(**command))
    except BaseException as error:
        say(re=command["id"], error=tell_error(error))


def main() -> None:
    actions = Actions()
    for command in commands():
        if command["do"] == "exit":
            sys.exit(command["code"])
        if command["do"] == "raise":
            raise RuntimeError("as asked")
        threading.Thread(target=obey, args=(actions, command), daemon=True).start()


if __name__ == "__main__":
    main()
