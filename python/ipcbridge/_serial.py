"""Calls that run one at a time, of the blocking server."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from itertools import takewhile

Job = Callable[[], bool]
"""Runs a call. True: it is over; False: whoever ends it, then or later, says so by leave()."""

Key = tuple[int, int]


class _Ends(threading.local):
    # Whether the job that this thread is beginning has ended already.
    begins = False
    ended = False


class SerialQueue:
    """One job at a time. Those that wait hold no thread, and go in the order in which a connection brought them.

    Whoever ends a job goes on with the next. Any thread. Who has `_running` runs a job or looks for one; nobody waits
    for it, and the queue is changed by single operations only, as _threads.py says.
    """

    def __init__(self) -> None:
        self._running = threading.Lock()
        self._waiting: OrderedDict[Key, Job] = OrderedDict()
        self._here = _Ends()

    def enter(self, key: Key, job: Job) -> None:
        """Runs the job as soon as nothing is before it: now, or on the thread of whoever is."""
        self._waiting[key] = job
        self._put_in_order(key)
        self._go_on()

    def drop(self, key: Key) -> bool:
        """Takes back a job that waits. False when it does not, or not any more."""
        return self._waiting.pop(key, None) is not None

    def leave(self) -> None:
        """The job that was begun last is over."""
        if self._here.begins:  # it ended while it was begun: the loop that began it goes on
            self._here.ended = True
        else:
            self._running.release()
            self._go_on()

    def _go_on(self) -> None:
        while self._waiting and self._running.acquire(blocking=False):
            try:
                is_over = self._run_next()
            except BaseException:  # Ctrl-C: whoever enters next goes on
                self._running.release()
                raise
            if not is_over:
                return
            self._running.release()

    def _run_next(self) -> bool:
        try:
            _, job = self._waiting.popitem(last=False)
        except KeyError:  # the last has just been dropped
            return True
        here = self._here
        here.begins, here.ended = True, False
        try:
            return job() or here.ended
        finally:
            here.begins = False

    def _put_in_order(self, key: Key) -> None:
        # Threads that took requests off one connection in its order may come here in another. Where several do so at
        # the same moment, two calls may swap places.
        connection, call_id = key
        with contextlib.suppress(KeyError, RuntimeError):  # others come and go meanwhile
            behind = list(takewhile(lambda it: it[0] == connection and it[1] >= call_id, reversed(self._waiting)))
            for other in reversed(behind):
                if other[1] > call_id:
                    self._waiting.move_to_end(other)
