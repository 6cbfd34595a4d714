"""Calls that run one at a time."""

from __future__ import annotations

import random
import threading
import weakref
from typing import Any, Callable

import pytest

from ipcbridge._serial import Job, SerialQueue


class Log:
    """Jobs that note their names when they run."""

    def __init__(self) -> None:
        self.ran: list[Any] = []

    def job(self, name: Any, *, is_over: bool = True) -> Job:
        def run() -> bool:
            self.ran.append(name)
            return is_over

        return run


def taken_queue(log: Log) -> SerialQueue:
    """That is held by a job that goes on until somebody calls leave()."""
    queue = SerialQueue()
    queue.enter((0, 0), log.job("first", is_over=False))
    return queue


def test_a_job_runs_at_once_when_nobody_is_before_it() -> None:
    log, queue = Log(), SerialQueue()
    queue.enter((1, 1), log.job("a"))
    queue.enter((1, 2), log.job("b"))
    assert log.ran == ["a", "b"]


def test_jobs_of_one_connection_run_in_its_order() -> None:
    log = Log()
    queue = taken_queue(log)
    for call_id in (2, 5, 4, 3, 1, 6):
        queue.enter((1, call_id), log.job(call_id))
    assert log.ran == ["first"]
    queue.leave()
    assert log.ran == ["first", 1, 2, 3, 4, 5, 6]


def test_jobs_of_other_connections_are_not_overtaken() -> None:
    log = Log()
    queue = taken_queue(log)
    for key in ((1, 9), (2, 5), (2, 4), (3, 1)):
        queue.enter(key, log.job(key))
    queue.leave()
    assert log.ran == ["first", (1, 9), (2, 4), (2, 5), (3, 1)]


def test_a_job_that_waits_can_be_taken_back_and_is_forgotten() -> None:
    log = Log()
    queue = taken_queue(log)
    dropped = log.job("dropped")
    gone = weakref.ref(dropped)
    queue.enter((1, 1), dropped)
    queue.enter((1, 2), log.job("kept"))
    del dropped
    assert queue.drop((1, 1))
    assert gone() is None
    assert not queue.drop((1, 1))
    queue.leave()
    assert log.ran == ["first", "kept"]


def test_what_runs_or_is_unknown_cannot_be_taken_back() -> None:
    log = Log()
    queue = taken_queue(log)
    assert not queue.drop((0, 0))
    assert not queue.drop((1, 1))
    queue.enter((1, 1), log.job("next", is_over=False))
    queue.leave()
    assert not queue.drop((1, 1))
    assert log.ran == ["first", "next"]


def test_whoever_ends_a_job_runs_the_next() -> None:
    log = Log()
    queue = taken_queue(log)

    def note_thread() -> bool:
        log.ran.append(threading.current_thread())
        return True

    queue.enter((1, 1), note_thread)
    ender = threading.Thread(target=queue.leave)
    ender.start()
    ender.join()
    assert log.ran == ["first", ender]


def test_jobs_that_end_while_they_begin_do_not_nest() -> None:
    """There are more than Python's stack would hold."""
    log = Log()
    queue = taken_queue(log)

    def end_at_once() -> bool:
        queue.leave()
        log.ran.append("ended")
        return False

    for call_id in range(10_000):
        queue.enter((1, call_id), end_at_once)
    queue.leave()
    assert len(log.ran) == 10_001


class CountedKey(tuple[int, int]):
    """Counts how often keys are compared."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        CountedKey.comparisons += 1
        assert CountedKey.comparisons < 1_000_000
        return super().__eq__(other)

    __hash__ = tuple.__hash__


@pytest.mark.parametrize("order", [reversed, lambda ids: random.Random(7).sample(ids, len(ids))], ids=["last", "any"])
def test_a_crowd_that_gives_up_is_not_searched_for_each(order: Callable[[range], Any]) -> None:
    log, count = Log(), 100_000
    queue, job = taken_queue(log), log.job("crowd")
    for call_id in range(count):
        queue.enter(CountedKey((1, call_id)), job)
    CountedKey.comparisons = 0
    for call_id in order(range(count)):
        assert queue.drop(CountedKey((1, call_id)))
    queue.leave()
    assert log.ran == ["first"]
