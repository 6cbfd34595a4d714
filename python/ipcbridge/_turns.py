"""Calls that run one at a time, of the blocking server."""

from __future__ import annotations

import threading
from collections import OrderedDict
from itertools import takewhile
from typing import Callable

Job = Callable[[], bool]
"""Runs a call. True: it is over; False: whoever ends it, then or later, says so by leave()."""

Key = tuple[int, int]


class _Ends(threading.local):
    # Whether the job that this thread is beginning has ended already.
    begins = False
    ended = False


class Turns:
    """One job at a time. Those that wait hold no thread, and go in the order in which a connection brought them.

    Whoever ends a job goes on with the next. Any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: OrderedDict[Key, Job] = OrderedDict()
        self._here = _Ends()

    def enter(self, key: Key, job: Job) -> None:
        """Runs the job when it is its turn: now, or on the thread of whoever is before it."""
        with self._lock:
            if self._taken:
                self._line_up(key, job)
                return
            self._taken = True
        self._run(job)

    def drop(self, key: Key) -> bool:
        """Takes back a job that waits. False when it does not, or not any more."""
        with self._lock:
            return self._waiting.pop(key, None) is not None

    def leave(self) -> None:
        """The job that was begun last is over."""
        if self._here.begins:  # it ended while it was begun: the loop that began it goes on
            self._here.ended = True
        else:
            self._run(self._next())

    def _run(self, job: Job | None) -> None:
        try:
            while job is not None and self._is_over(job):
                job = self._next()
        except BaseException:  # Ctrl-C: the next to enter has the turn, before those that wait
            with self._lock:
                self._taken = False
            raise

    def _is_over(self, job: Job) -> bool:
        here = self._here
        here.begins, here.ended = True, False
        try:
            return job() or here.ended
        finally:
            here.begins = False

    def _next(self) -> Job | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popitem(last=False)[1]
            self._taken = False
            return None

    def _line_up(self, key: Key, job: Job) -> None:
        # Threads that took requests off one connection in its order may come here in another.
        connection, call_id = key
        behind = list(takewhile(lambda it: it[0] == connection and it[1] > call_id, reversed(self._waiting)))
        self._waiting[key] = job
        for other in reversed(behind):
            self._waiting.move_to_end(other)
