"""zeroRPC for one in flight; a greenlet a call for 64 in flight."""

from typing import Any

import gevent
import gevent.queue
import zerorpc

PIPELINE = True
ARGUMENT = "abcdefghij"


class Client:
    def __init__(self, address: str) -> None:
        self._client = zerorpc.Client(heartbeat=None)
        self._client.connect(address)
        self._results: gevent.queue.Queue[str] = gevent.queue.Queue()

    def call(self, text: str) -> str:
        return self._client.upper(text)

    def post(self, count: int) -> None:
        for _ in range(count):
            gevent.spawn(lambda: self._results.put(self._client.upper(ARGUMENT)))

    def take(self) -> list[str]:
        results = [self._results.get()]
        while not self._results.empty():
            results.append(self._results.get())
        return results

    def close(self) -> None:
        self._client.close()


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)
