"""Threads of the library, and what they wait for.

Finalisers run at any allocation, on any thread, and may call anything of the public API. So nothing in the library
holds a lock while it allocates: here and elsewhere single operations of dicts and deques, which are atomic, do instead.
"""

from __future__ import annotations

import _thread
import contextlib
import sys
import threading
from collections import deque
from collections.abc import Callable

from .._errors import IpcError


class Latch:
    """What threading.Event is, for waiting until something has happened once; set() may be called anywhere."""

    def __init__(self) -> None:
        self._is_set = False
        self._sleepers: deque[_thread.LockType] = deque()

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        while True:
            try:
                self._sleepers.popleft().release()
            except IndexError:
                return

    def wait(self, timeout: float = -1) -> bool:
        """For so many seconds, -1 for ever; whether it is set. Ctrl-C ends the wait."""
        sleeper = _thread.allocate_lock()
        sleeper.acquire()
        self._sleepers.append(sleeper)
        if not self._is_set:  # whoever sets it from now on wakes this thread
            sleeper.acquire(timeout=timeout)
        if not self._is_set:
            self._forget(sleeper)
        return self._is_set

    def _forget(self, sleeper: _thread.LockType) -> None:
        # It may be being set; or the queue changes at that moment, and keeps a lock too many.
        with contextlib.suppress(ValueError, RuntimeError):
            self._sleepers.remove(sleeper)


class OnceThread:
    """A daemon thread that is started when it is wanted first."""

    def __init__(self, target: Callable[[], object], name: str) -> None:
        self._target = target
        self._name = name
        self._claims: dict[str, object] = {}
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Does nothing if it has been started, or somebody is about to. Raises as start_thread() does."""
        if self._thread is not None:
            return
        mine = object()
        if self._claims.setdefault("starter", mine) is not mine:
            return
        try:
            self._thread = start_thread(self._target, self._name)
        except BaseException:  # another call may try again
            self._claims.clear()
            raise

    def is_started(self) -> bool:
        return self._thread is not None

    def join(self, timeout: float) -> None:
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)


def start_thread(target: Callable[[], object], name: str) -> threading.Thread:
    """Starts a daemon thread.

    Raises IpcError: 'failed_precondition' when the interpreter ends, 'resource_exhausted' when there is none to be had.
    """
    thread = threading.Thread(target=target, name=name, daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError, KeyError) as error:
        if error.__context__ is not None:  # of Python's own bookkeeping, after a signal handler has raised in start()
            raise error.__context__ from None
        raise no_thread(error) from None
    return thread


def refuse_replaced_threads() -> None:
    """Greenlets in place of threads would wait for each other for ever: a call that waits lets no other one run."""
    for patcher, is_replaced, name, leave, elsewhere in (
        ("gevent.monkey", "is_module_patched", "threading", "patch_all", "gevent.get_hub().threadpool.apply"),
        ("eventlet.patcher", "is_monkey_patched", "thread", "monkey_patch", "eventlet.tpool.execute"),
    ):
        module = sys.modules.get(patcher)
        if module is not None and getattr(module, is_replaced)(name):
            library = patcher.partition(".")[0]
            raise IpcError(
                "failed_precondition",
                f"{library} has replaced the threads of this process, which ipcbridge needs as they are: write"
                f" {leave}(thread=False), and where a call should not stop other greenlets {elsewhere}(service.method,"
                " …) with its arguments",
            )


def no_thread(error: Exception) -> IpcError:
    """What is said of a thread that Python cannot start."""
    if "shutdown" in str(error):  # since Python 3.12, from the end of the main thread on
        return IpcError("failed_precondition", "the interpreter is shutting down: no thread can be started any more")
    return IpcError("resource_exhausted", f"the system gives this process no more threads: {error}")
