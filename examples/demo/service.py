"""The Python service that demo.mjs calls, and the same function on a plain socket to compare with."""

import sys

from json_socket import serve_json

import ipcbridge as ipc


def add(a, b=0):
    return a + b


def describe(numbers, *, unit="m"):
    """The mean and the extremes of some numbers."""
    return {"mean": sum(numbers) / len(numbers), "range": (min(numbers), max(numbers)), "unit": unit}


def divide(a, b):
    return a / b


with ipc.serve("demo-python", {"add": add, "describe": describe, "divide": divide}, on_error=lambda *_: None):
    serve_json(sys.argv[1], add)
    print("ready", flush=True)
    sys.stdin.read()  # ends when the demo does, however that ends
