"""The client process: `worker.py CLIENT_MODULE`, then one JSON command a line on stdin.

A client module has `connect` (blocking), `connect_async`, or both. Blocking is taken where there is a choice, as it is
the quicker; 64 in flight then needs `post` and `take`, and goes to `connect_async` when the way has no such thing.
"""

import asyncio
import os
import sys
from types import ModuleType
from typing import Any

import array_loops
import array_loops_async
import loops
import loops_async
import loops_threads
import payload_loops
import payload_loops_async
import stream_loops
import stream_loops_async
from load import load
from report import commands, report, report_error


def _of_call(loop: Any) -> Any:
    return lambda client, command: loop(client.call, **command)


# What is done with a client, by the name of a work.
BLOCKING = {
    "bursts": _of_call(loops.bursts),
    "spaced": _of_call(loops.spaced),
    "one": _of_call(loops.one),
    "threads": _of_call(loops_threads.shared),
    "items": lambda client, command: stream_loops.items(getattr(client, command["member"]), **command),
    "first": lambda client, command: stream_loops.first(client.call, client.stream, **command),
    "callbacks": lambda client, command: stream_loops.callbacks(client.call, client.call_back, **command),
    "payload": lambda client, command: payload_loops.bytes_there(client, **command),
    "records": lambda client, command: payload_loops.list_of_records(client, **command),
    "array": lambda client, command: array_loops.array(client, **command),
    "array-once": lambda client, command: array_loops.array_once(client, **command),
    "arrays-dropped": lambda client, command: array_loops.arrays_dropped(client, **command),
    "frames": lambda client, command: array_loops.frames(client, **command),
    "submitted": lambda client, command: loops.many(stream_loops.Submitted(client.submit), **command),
}
ASYNC = {
    "bursts": _of_call(loops_async.bursts),
    "spaced": _of_call(loops_async.spaced),
    "one": _of_call(loops_async.one),
    "many": _of_call(loops_async.many),
    "items": lambda client, command: stream_loops_async.items(getattr(client, command["member"]), **command),
    "first": lambda client, command: stream_loops_async.first(client.call, client.stream, **command),
    "callbacks": lambda client, command: stream_loops_async.callbacks(client.call, client.call_back, **command),
    "payload": lambda client, command: payload_loops_async.bytes_there(client, **command),
    "records": lambda client, command: payload_loops_async.list_of_records(client, **command),
    "array": lambda client, command: array_loops_async.array(client, **command),
    "frames": lambda client, command: array_loops_async.frames(client, **command),
    "beside": lambda client, command: loops_async.beside(client.call, client.slow, **command),
}


def noting_transport(client: Any, result: dict[str, Any]) -> dict[str, Any]:
    """ipcbridge falls back from shared memory to the socket by itself; a result must say which it was."""
    if not hasattr(client, "status"):
        return result
    status = client.status()
    return {**result, "transport": status["transport"] if isinstance(status, dict) else status.transport}


def run_blocking(module: ModuleType, command: dict[str, Any]) -> dict[str, Any]:
    client = module.connect(command["address"], command)
    try:
        command["pids"] += [os.getpid(), *getattr(client, "pids", ())]
        if command["work"] == "many":
            return noting_transport(client, loops.many(client, **command))
        return noting_transport(client, BLOCKING[command["work"]](client, command))
    finally:
        client.close()


async def run_async(module: ModuleType, command: dict[str, Any]) -> dict[str, Any]:
    client = await module.connect_async(command["address"], command)
    try:
        command["pids"] += [os.getpid(), *getattr(client, "pids", ())]
        return noting_transport(client, await ASYNC[command["work"]](client, command))
    finally:
        await client.close()


def run(module: ModuleType, command: dict[str, Any], held: list[Any]) -> dict[str, Any]:
    if command["work"] == "hold":
        held += [module.connect(command["address"], command) for _ in range(command["connections"])]
        for client in held:
            client.call("abcdefghij")
        return {"held": len(held)}
    blocking = command["work"] in BLOCKING or (command["work"] == "many" and getattr(module, "PIPELINE", False))
    if blocking and hasattr(module, "connect"):
        return run_blocking(module, command)
    return asyncio.run(run_async(module, command))


def main() -> None:
    try:
        module = load(sys.argv[1])
    except BaseException as error:
        report_error(error)
        raise SystemExit(1) from error
    report({"ready": True})
    held: list[Any] = []
    for command in commands():
        try:
            report({"result": run(module, command, held)})
        except Exception as error:
            report_error(error)


if __name__ == "__main__":
    main()
