"""The Python program that calls demo.mjs's service: prints what it calls, then measures, on one line of JSON."""

import json
import sys
import time

from json_socket import connect_json

import ipcbridge as ipc


def show(text):
    print(f"  {text}", flush=True)


def measure(call, count):
    times = []
    for i in range(count):
        start = time.perf_counter_ns()
        result = call(i, 1)
        times.append((time.perf_counter_ns() - start) / 1000)
        assert result == i + 1, "a wrong answer"
    return times


with ipc.connect("demo-node") as node:
    show(f"node.add(2, b=3)                    {node.add(2, b=3)!r}")
    show(f"node.markdown('*hello*')            {node.markdown('*hello*')!r}")
    try:
        node.parse("{")
    except ipc.RemoteError as error:
        show(f"node.parse('{{')                     raises {error.type}: {error}")

    rounds, count = int(sys.argv[2]), int(sys.argv[3])
    times = {"ipcbridge": [], "json": []}
    call = connect_json(sys.argv[1])
    for way in (node.add, call):
        measure(way, count)
    for _ in range(rounds):
        times["ipcbridge"] += measure(node.add, 2 * count)
        times["json"] += measure(call, count)
    print(json.dumps({"transport": ipc.status(node)["transport"], "times": times}))
