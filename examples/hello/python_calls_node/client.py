"""Calls the functions of service.mjs. It waits for the service, so either may be started first."""

import ipcbridge as ipc

with ipc.connect("hello-node") as hello:
    print(hello.add(2, b=3))
    print(hello.greet("Ada"))
    print(hello.greet("Ada", greeting="Good morning"))
    try:
        hello.parse("{")
    except ipc.RemoteError as error:
        print(f"{error.type} in Node.js: {error}")
