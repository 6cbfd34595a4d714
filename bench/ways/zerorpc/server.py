from collections.abc import Callable

import zerorpc
from values import HANDLERS


def serve(address: str, ready: Callable[[], None]) -> None:
    server = zerorpc.Server(HANDLERS, heartbeat=None)
    server.bind(address)
    ready()
    server.run()
