"""Threads of the library, and what they wait for.

Finalisers run at any allocation, on any thread, and may call anything of the public API. So nothing in the library
holds a lock while it allocates: here and elsewhere single operations of dicts and lists, which are atomic, do instead.
"""

from __future__ import annotations

import _thread
import sys
from _collections_abc import Callable

from .._errors import IpcError, Unavailable
from .._suppress import suppress
from .._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import threading


class Latch:
    """What threading.Event is, for waiting until something has happened once; set() may be called anywhere."""

    def __init__(self) -> None:
        self._is_set = False
        self._sleepers: list[_thread.LockType] = []

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        while True:
            try:
                self._sleepers.pop().release()
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
        with suppress(ValueError):  # it is being set
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
        if self._thread is not None and self._thread.ident != _thread.get_ident():
            self._thread.join(timeout)


def start_thread(target: Callable[[], object], name: str) -> threading.Thread:
    """Starts a daemon thread.

    Raises IpcError: 'failed_precondition' when the interpreter ends, or when it would be a greenlet;
    'resource_exhausted' when there is none to be had.
    """
    refuse_replaced_threads()
    try:
        import threading  # which whoever only calls does not need

        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
    except (RuntimeError, MemoryError, KeyError, ImportError, OSError) as error:
        if error.__context__ is not None:  # of Python's own bookkeeping, after a signal handler has raised in start()
            raise error.__context__ from None
        raise no_thread(error) from None
    return thread


def silence_daemons() -> None:
    """At the interpreter's end: that it ends the calls and streams of daemon threads is no error to tell of."""
    threading: Any = sys.modules.get("threading")
    if threading is None:
        return
    tell = threading.excepthook

    def tell_unless_ended(args: Any) -> object:
        if args.thread is not None and args.thread.daemon and _is_of_the_end(args.exc_value):
            return None
        return tell(args)

    threading.excepthook = tell_unless_ended


_SAID_AT_THE_END = (  # of 'failed_precondition', by what has been shut down
    "the client is closed",
    "what it serves is closed",
    "the interpreter is shutting down",
)


def _is_of_the_end(error: BaseException | None) -> bool:
    """Whether it is what closing all clients and servers raises; in no class but the library's own."""
    if not isinstance(error, IpcError) or type(error) not in (IpcError, Unavailable):
        return False
    if error.code == "failed_precondition":
        return error.message.startswith(_SAID_AT_THE_END)
    return error.code in ("unavailable", "cancelled")


def refuse_replaced_threads() -> None:
    """Greenlets in place of threads would wait for each other for ever: a call that waits lets no other one run."""
    _refuse(("thread", "threading"), "the threads of this process, which ipcbridge needs as they are", "thread=False")


def refuse_replaced_select() -> None:
    """gevent and eventlet take its epoll away, in which the loop of async handlers waits."""
    _refuse(("select",), "select, without which blocking servers have no async handlers", "thread=False, select=False")


def _refuse(modules: tuple[str, ...], what: str, left: str) -> None:
    for patcher, is_replaced, patch, elsewhere in (
        ("gevent.monkey", "is_module_patched", "patch_all", "gevent.get_hub().threadpool.apply"),
        ("eventlet.patcher", "is_monkey_patched", "monkey_patch", "eventlet.tpool.execute"),
    ):
        loaded = sys.modules.get(patcher)
        if loaded is not None and any(map(getattr(loaded, is_replaced), modules)):
            raise IpcError(
                "failed_precondition",
                f"{patcher.partition('.')[0]} has replaced {what}: write {patch}({left}), and where a call should not"
                f" stop other greenlets {elsewhere}(service.method, …) with its arguments{_of_workers()}",
            )


def _of_workers() -> str:
    """What to do instead where it is not the program itself that calls gevent or eventlet."""
    for library, remedy in (("gunicorn", "the worker class gthread"), ("celery", "--pool threads or prefork")):
        if library in sys.modules:
            return f"; for workers of {library} take {remedy}"
    return ""


def no_thread(error: Exception) -> IpcError:
    """What is said of a thread that Python cannot start."""
    if "shutdown" in str(error) or "shutting down" in str(error):  # of threads since Python 3.12, and of imports
        return IpcError("failed_precondition", "the interpreter is shutting down: no thread can be started any more")
    return IpcError("resource_exhausted", f"the system gives this process no more threads: {error}")
