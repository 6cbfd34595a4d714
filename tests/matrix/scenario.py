"""The scenario, for every Python: nothing but ipcbridge and the standard library, and NumPy and pyarrow where they are
installed. scenario.mjs has the commands."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import signal
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

import ipcbridge as ipc
from ipcbridge import aio

BIG = 5_000_000
# In bytes: within a message, and beside one.
ARRAY_SIZES = (1_000, 16_000, 64_000, 1_000_000, 4_000_000)
# From 1 MiB on a table is in memory of its own.
TABLE_ROWS = (3, 200_000)
NUMPY, PYARROW = (importlib.util.find_spec(name) is not None for name in ("numpy", "pyarrow"))
MOMENT = datetime(2024, 2, 29, 12, 30, 15, 250_000, tzinfo=timezone.utc)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")  # at once: print() lets another thread come between a line and its end
    sys.stdout.flush()


def ramp(length: int) -> array[float]:
    return array("d", range(int(length)))


def table_of(rows: int) -> Any:
    import pyarrow

    return pyarrow.table({"number": ramp(rows), "city": [("Oslo", "Rome")[row % 2] for row in range(rows)]})


class Counter:
    def __init__(self) -> None:
        self.count = 0

    def add(self, more: int) -> int:
        self.count += more
        return self.count


class Service:
    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close

    def leave(self) -> None:
        self._close()

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def echo(self, value: Any) -> Any:
        return value

    def fail(self, message: str) -> None:
        raise IndexError(message)

    def zeros(self, size: int) -> bytes:
        return bytes(size)

    def ramp(self, length: int) -> array[float]:
        return ramp(length)

    def tables_are(self) -> str | None:
        return "pyarrow" if PYARROW else None

    def table(self, rows: int) -> Any:
        return table_of(int(rows))

    def count(self, to: int) -> Iterator[int]:
        yield from range(int(to))

    def total(self, numbers: Iterable[int]) -> int:
        return sum(numbers)

    def doubled(self, numbers: Iterable[int]) -> Iterator[int]:
        return (2 * number for number in numbers)

    def call_back(self, listener: Callable[[int], int], times: int) -> int:
        return sum(listener(each) for each in range(times))

    def counter(self) -> Any:
        return ipc.proxy(Counter())

    def hang(self, begun: Callable[[], Any]) -> None:
        with contextlib.suppress(ipc.IpcError):  # who was killed then has not answered
            begun()
        ipc.context().cancellation.wait()
        say("gone")

    def pid(self) -> int:
        return os.getpid()


def raised(call: Callable[..., Any], *args: Any) -> Any:
    try:
        call(*args)
    except Exception as error:
        return error
    raise AssertionError("it succeeded")


def hanging(remote: Any) -> Any:
    """A call of `hang`, when it has begun."""
    begun = threading.Event()
    call = ipc.submit(remote).hang(ipc.retain(begun.set))
    assert begun.wait(60), "it has not begun"
    return call


def calls(remote: Any, _address: str) -> None:
    assert remote.add(2, 3) == 5
    futures = [ipc.submit(remote).add(i, i) for i in range(200)]
    assert [future.result() for future in futures] == [2 * i for i in range(200)]


def errors(remote: Any, _address: str) -> None:
    failed = raised(remote.fail, "too far")
    assert isinstance(failed, ipc.RemoteError), failed
    assert failed.type in ("RangeError", "IndexError"), failed.type
    assert failed.message == "too far", failed.message
    assert isinstance(raised(lambda: remote.nothing()), AttributeError)
    assert raised(remote.echo, object()).code == "invalid_argument"


def values(remote: Any, _address: str) -> None:
    value = {
        "nothing": None,
        "whole": 2**40,
        "large": 2**100,
        "fraction": -0.5,
        "text": "grüße 🎈",
        "list": [1, [2, [3]]],
        "bytes": b"\x00\xff",
        "moment": MOMENT,
        "map": {1: "one"},
        "set": {"a"},
    }
    assert remote.echo(value) == value


def big_buffers(remote: Any, _address: str) -> None:
    assert len(remote.zeros(BIG)) == BIG
    data = b"\x07" * BIG
    assert remote.echo(data) == data


def arrays(remote: Any, _address: str) -> None:
    for size in ARRAY_SIZES:
        numbers = ramp(size // 8)
        for arrived in (remote.ramp(len(numbers)), remote.echo(numbers)):
            assert memoryview(arrived).format == "d"
            assert bytes(arrived) == bytes(numbers)


def alloc(remote: Any, _address: str) -> None:
    for size in ARRAY_SIZES:
        data = ipc.alloc(size)
        data[:] = b"\x07" * size
        assert remote.echo(data) == bytes(data)
        if NUMPY:
            numbers = ipc.alloc(size // 8, "float64")
            numbers[:] = ramp(size // 8)
            assert bytes(remote.echo(numbers)) == bytes(numbers)
        else:
            assert raised(ipc.alloc, size // 8, "float64").code == "failed_precondition"


def tables(remote: Any, _address: str) -> None:
    theirs = remote.tables_are()
    for rows in TABLE_ROWS:
        if theirs == "apache-arrow":
            if PYARROW:
                expect_table(remote.table(rows), rows)
            else:
                assert raised(remote.table, rows).code == "failed_precondition"
        if PYARROW:
            echoed = remote.echo(table_of(rows))
            if theirs == "columns":
                assert (echoed["index"], echoed["dtypes"]) == (None, {"number": "double", "city": "string"})
                assert bytes(echoed["columns"]["number"]) == bytes(ramp(rows))
                assert echoed["columns"]["city"] == table_of(rows)["city"].to_pylist()
            else:
                expect_table(echoed, rows)
    assert remote.add(2, 3) == 5


def expect_table(table: Any, rows: int) -> None:
    expected = table_of(rows)
    assert {name: table[name].to_pylist() for name in table.column_names} == expected.to_pydict()


def streams(remote: Any, _address: str) -> None:
    assert sum(remote.count(1000)) == 499_500
    assert remote.total(number for number in range(1000)) == 499_500
    assert list(remote.doubled(ipc.stream([1, 2, 3]))) == [2, 4, 6]
    for number in remote.count(1_000_000):
        if number == 10:
            break


def callbacks(remote: Any, _address: str) -> None:
    def refuse(_each: int) -> None:
        raise ValueError("not now")

    assert remote.call_back(lambda each: each + 1, 10) == 55
    assert raised(remote.call_back, refuse, 1).message.endswith("not now")


def references(remote: Any, _address: str) -> None:
    with remote.counter() as counter:
        assert [counter.add(2), counter.add(3)] == [2, 5]


def cancellation(remote: Any, _address: str) -> None:
    assert hanging(remote).cancel()
    assert raised(ipc.with_options(remote, timeout=0.05).hang, lambda: None).code == "deadline_exceeded"


def asyncio_calls(_remote: Any, address: str) -> None:
    async def main() -> None:
        async with aio.connect(address) as remote:
            assert await asyncio.gather(*(remote.add(i, i) for i in range(100))) == [2 * i for i in range(100)]
            assert sum([number async for number in await remote.count(1000)]) == 499_500

    asyncio.run(main())


STEPS = {
    "calls": calls,
    "errors": errors,
    "values": values,
    "big buffers": big_buffers,
    "arrays": arrays,
    "alloc": alloc,
    "tables": tables,
    "streams": streams,
    "callbacks": callbacks,
    "references": references,
    "cancellation": cancellation,
    "asyncio": asyncio_calls,
}


def transport_of(address: str) -> str:
    return address.partition(":")[0]


def step(name: str, address: str, work: Callable[[], None]) -> None:
    try:
        work()
        say(f"ok {name} {transport_of(address)}")
    except Exception as error:
        trace = error.__traceback__ and error.__traceback__.tb_next
        where = f"line {trace.tb_lineno}" if trace else "?"
        why = f"{type(error).__name__}: {' | '.join(str(error).splitlines())} ({where})"
        say(f"not ok {name} {transport_of(address)}: {why}")


def serve(*addresses: str) -> None:
    over = threading.Event()
    servers = [ipc.serve(address, Service(over.set)) for address in addresses]
    say("up")
    over.wait()
    for server in servers:
        server.close()


def call(*addresses: str) -> None:
    for address in addresses:
        remote = ipc.connect(address)

        def uses_transport(remote: Any = remote, address: str = address) -> None:
            found = ipc.status(remote)["transport"]
            assert found == transport_of(address), found

        step("transport", address, uses_transport)
        for name, work in STEPS.items():
            step(name, address, lambda work=work: work(remote, address))  # type: ignore[misc]  # noqa: B023
    remote.leave()


def hang(*addresses: str) -> None:
    hung = [hanging(ipc.connect(address)) for address in addresses]
    say("hanging")
    hung[0].result()


def lose(*addresses: str) -> None:
    remotes = [ipc.connect(address) for address in addresses]
    hung = [hanging(remote) for remote in remotes]
    os.kill(remotes[0].pid(), signal.SIGKILL)
    for address, call in zip(addresses, hung):
        step("loss", address, lambda call=call: expect_loss(call))  # type: ignore[misc]


class Late:
    """Deleted when the interpreter ends: what daemon threads come to while it does, they come to here."""

    sleep = staticmethod(time.sleep)

    def __del__(self) -> None:
        self.sleep(0.2)


def abandon(*addresses: str) -> None:
    """The main thread ends, and others are in the middle of calls, streams and callbacks."""
    global late
    late = Late()
    for address in addresses:
        remote = ipc.connect(address)
        for work in (call_on_and_on, read_on_and_on, send_on_and_on, be_called_on_and_on):
            begun = threading.Event()
            threading.Thread(target=work, args=(remote, begun), daemon=True).start()
            assert begun.wait(60), f"{work.__name__} has not begun"
    say("abandoning")


def call_on_and_on(remote: Any, begun: threading.Event) -> None:
    while True:
        remote.add(1, 1)
        begun.set()


def read_on_and_on(remote: Any, begun: threading.Event) -> None:
    for _number in remote.count(10**9):
        begun.set()


def send_on_and_on(remote: Any, begun: threading.Event) -> None:
    def numbers() -> Iterator[int]:
        while True:
            begun.set()
            yield 0

    remote.total(numbers())


def be_called_on_and_on(remote: Any, begun: threading.Event) -> None:
    def listen(number: int) -> int:
        begun.set()
        return number

    remote.call_back(listen, 10**9)


def expect_loss(call: Any) -> None:
    error = raised(call.result)
    assert (error.code, error.sent) == ("unavailable", "maybe"), error


if __name__ == "__main__":
    {"serve": serve, "call": call, "hang": hang, "lose": lose, "abandon": abandon}[sys.argv[1]](*sys.argv[2:])
