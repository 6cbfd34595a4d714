"""Calls that run one at a time, of the blocking server."""

from __future__ import annotations

import threading
from collections import deque
from typing import Callable

Job = Callable[[], bool]
"""Runs a call. True: it is over; False: whoever ends it, later, says so by leave()."""

Key = tuple[int, int]


class Turns:
    """One job at a time, in the order in which a connection brought them. Those that wait hold no thread.

    Whoever ends a job goes on with the next. Any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[tuple[Key, Job]] = deque()

    def enter(self, key: Key, job: Job) -> None:
        """Runs the job when it is its turn: now, or on the thread of whoever is before it."""
        with self._lock:
            if self._taken:
                self._waiting.insert(self._place_of(key), (key, job))
                return
            self._taken = True
        self._run(job)

    def leave(self) -> None:
        """The job that was begun last is over."""
        self._run(self._next())

    def _run(self, job: Job | None) -> None:
        try:
            while job is not None and job():
                job = self._next()
        except BaseException:  # Ctrl-C: the next to enter has the turn, before those that wait
            with self._lock:
                self._taken = False
            raise

    def _next(self) -> Job | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()[1]
            self._taken = False
            return None

    def _place_of(self, key: Key) -> int:
        # Threads that took requests off one connection in its order may come here in another.
        connection, call_id = key
        place = len(self._waiting)
        while place > 0:
            other, other_id = self._waiting[place - 1][0]
            if other != connection or other_id < call_id:
                break
            place -= 1
        return place
