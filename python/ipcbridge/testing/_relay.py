"""Carries bytes between Unix sockets, as slowly as it is told: both ways of each connection, on a thread of its own."""

from __future__ import annotations

import collections
import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

_CHUNK = 65536
_MOST_QUEUED = 1 << 20  # bytes that wait in one direction; then the sender has to


class Flow:
    """One direction of a connection."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source = source
        self.sink = sink
        self.is_read = False  # to its end
        self.is_over = False
        self._queue: collections.deque[tuple[float, memoryview]] = collections.deque()
        self._queued = 0
        self._last_due = 0.0

    def wants_read(self) -> bool:
        return not self.is_read and self._queued < _MOST_QUEUED

    def next_due(self) -> float | None:
        """When there will be something to write; None where nothing waits."""
        return self._queue[0][0] if self._queue else None

    def read(self, delay: float) -> None:
        data = self.source.recv(_CHUNK)
        if not data:
            self.is_read = True
            return
        self._last_due = max(self._last_due, time.monotonic() + delay)  # what was sent later never overtakes
        self._queue.append((self._last_due, memoryview(data)))
        self._queued += len(data)

    def write(self, now: float) -> None:
        while self._queue and self._queue[0][0] <= now:
            due, data = self._queue.popleft()
            try:
                sent = self.sink.send(data)
            except BlockingIOError:
                sent = 0
            self._queued -= sent
            if sent < len(data):
                self._queue.appendleft((due, data[sent:]))
                return
        if self.is_read and not self._queue and not self.is_over:
            self.is_over = True
            self.sink.shutdown(socket.SHUT_WR)


class Relay:
    """What a link does. Every method but `do` and those of the thread runs on the thread of the relay, by `do`."""

    def __init__(self, listen_at: str, target: str) -> None:
        self._listen_at = listen_at
        self._target = target
        self._selector = selectors.DefaultSelector()
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._commands: collections.deque[Callable[[], None]] = collections.deque()
        self._listener: socket.socket | None = None
        self._connections: list[tuple[Flow, Flow]] = []
        self._is_open = True
        self.delay = 0.0
        self.is_paused = False
        self._selector.register(self._ours, selectors.EVENT_READ)
        self.listen()
        self._thread = threading.Thread(target=self._run, name="ipcbridge-link", daemon=True)
        self._thread.start()

    # On any thread.

    def do(self, command: Callable[[], None]) -> None:
        """Runs it on the relay's thread, waits for that and raises what it does. Does nothing once it is closed."""
        if not self._thread.is_alive():
            return
        done = threading.Event()
        failures: list[OSError] = []

        def run() -> None:
            try:
                command()
            except OSError as error:  # the caller's; the thread has others to serve
                failures.append(error)
            finally:
                done.set()

        self._commands.append(run)
        with contextlib.suppress(OSError):
            self._theirs.send(b"x")
        while not done.wait(0.1) and self._thread.is_alive():
            pass
        if failures:
            raise failures[0]

    def close(self) -> None:
        self.do(self._stop)
        self._thread.join()
        self._theirs.close()

    def connection_count(self) -> int:
        return len(self._connections)

    # On the relay's thread.

    def listen(self) -> None:
        if self._listener is not None:
            return
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(self._listen_at)
            listener.listen(128)
        except BaseException:
            listener.close()
            raise
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)
        self._listener = listener

    def stop_listening(self) -> None:
        if self._listener is not None:
            self._forget(self._listener)
            self._listener = None

    def drop(self) -> None:
        for connection in list(self._connections):
            self._end(connection)

    def _stop(self) -> None:
        self.stop_listening()
        self.drop()
        self._is_open = False

    def _run(self) -> None:
        while self._is_open:
            # One time for both: what comes due between two would be neither watched nor waited for.
            now = time.monotonic()
            self._watch(now)
            for key, events in self._selector.select(self._time_to_wait(now)):
                self._handle(key, events)
            self._write_all()
        self._selector.close()
        self._ours.close()

    def _handle(self, key: selectors.SelectorKey, events: int) -> None:
        if key.fileobj is self._ours:
            with contextlib.suppress(BlockingIOError):
                self._ours.recv(_CHUNK)
            while self._commands:
                self._commands.popleft()()
        elif key.fileobj is self._listener:
            self._accept()
        elif key.data in self._connections and events & selectors.EVENT_READ:
            self._read(key.data, key.fileobj)

    def _accept(self) -> None:
        assert self._listener is not None
        with contextlib.ExitStack() as opened:
            try:
                client = opened.enter_context(self._listener.accept()[0])
                service = opened.enter_context(socket.socket(socket.AF_UNIX))
                service.connect(self._target)
            except OSError:  # nobody serves, or no file descriptor is left: the client finds out as without a link
                return
            opened.pop_all()
        for each in (client, service):
            each.setblocking(False)
        self._connections.append((Flow(client, service), Flow(service, client)))

    def _read(self, connection: tuple[Flow, Flow], source: Any) -> None:
        flow = connection[0] if connection[0].source is source else connection[1]
        try:
            flow.read(self.delay)
        except OSError:  # reset
            self._end(connection)

    def _write_all(self) -> None:
        if self.is_paused:
            return
        now = time.monotonic()
        for connection in list(self._connections):
            try:
                for flow in connection:
                    flow.write(now)
            except OSError:  # the other end has gone
                self._end(connection)
                continue
            if all(flow.is_over for flow in connection):
                self._end(connection)

    def _watch(self, now: float) -> None:
        """Of each socket what is wanted of it now."""
        for connection in self._connections:
            for to_read, to_write in (connection, connection[::-1]):
                due = to_write.next_due()
                reads = to_read.wants_read() and not self.is_paused
                writes = due is not None and due <= now and not self.is_paused
                events = selectors.EVENT_READ * reads | selectors.EVENT_WRITE * writes
                self._want(to_read.source, events, connection)

    def _want(self, watched: socket.socket, events: int, connection: tuple[Flow, Flow]) -> None:
        is_watched = watched in self._selector.get_map()
        if not events:
            if is_watched:
                self._selector.unregister(watched)
        elif is_watched:
            self._selector.modify(watched, events, connection)
        else:
            self._selector.register(watched, events, connection)

    def _time_to_wait(self, now: float) -> float | None:
        if self.is_paused:
            return None
        waits = [flow.next_due() for connection in self._connections for flow in connection]
        times = [due - now for due in waits if due is not None and due > now]
        return min(times) if times else None

    def _end(self, connection: tuple[Flow, Flow]) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
            for flow in connection:
                self._forget(flow.source)

    def _forget(self, ended: socket.socket) -> None:
        if ended in self._selector.get_map():
            self._selector.unregister(ended)
        ended.close()
