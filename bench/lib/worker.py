"""The client process: `worker.py CLIENT_MODULE`, then one JSON command a line on stdin.

A client module has `connect` (blocking), `connect_async`, or both. Blocking is taken where there is a choice, as it is
the quicker; 64 in flight then needs `post` and `take`, and goes to `connect_async` when the way has no such thing.
"""

import asyncio
import os
import sys
from types import ModuleType
from typing import Any

import loops
import loops_async
import loops_threads
from load import load
from report import commands, report, report_error

BLOCKING = {"bursts": loops.bursts, "spaced": loops.spaced, "one": loops.one, "threads": loops_threads.shared}
ASYNC = {
    "bursts": loops_async.bursts,
    "spaced": loops_async.spaced,
    "one": loops_async.one,
    "many": loops_async.many,
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
        return noting_transport(client, BLOCKING[command["work"]](client.call, **command))
    finally:
        client.close()


async def run_async(module: ModuleType, command: dict[str, Any]) -> dict[str, Any]:
    client = await module.connect_async(command["address"], command)
    try:
        command["pids"] += [os.getpid(), *getattr(client, "pids", ())]
        if command["work"] == "beside":
            return noting_transport(client, await loops_async.beside(client.call, client.slow, **command))
        return noting_transport(client, await ASYNC[command["work"]](client.call, **command))
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
