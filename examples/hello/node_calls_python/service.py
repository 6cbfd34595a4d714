"""Python functions for Node.js. Run this, and client.mjs beside it."""

import ipcbridge as ipc


def add(a, b=0):
    return a + b


def greet(name, *, greeting="Hello"):
    return f"{greeting}, {name}, from Python!"


with ipc.serve("hello-python", {"add": add, "greet": greet}) as server:
    print("serving hello-python", flush=True)
    server.wait()
