"""Ctrl-C and SIGTERM while the main thread waits for a server, or runs its handlers."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import NoReturn

from .._typing import Any

TERMINATED = 143
"""The exit code of what SIGTERM has ended, as shells tell it; also as the first process of a container."""


class Ending:
    """What a signal has raised, as opposed to a handler."""

    raised: BaseException | None = None

    def on_interrupt(self, *_: object) -> None:
        self.raised = KeyboardInterrupt()
        raise self.raised

    def on_terminate(self, *_: object) -> None:
        self.raised = SystemExit(TERMINATED)
        raise self.raised


_active: list[Ending] = []
"""Of the main thread."""

ending_process: list[Callable[[], None]] = []
"""What ends the process, once a signal has closed its servers (signals.py)."""


def raise_on_main_thread(error: BaseException) -> NoReturn:
    """As a signal does: not as what a handler raises that runs there."""
    for ending in _active:
        ending.raised = error
    raise error


def end_process_if_told() -> None:
    """On the main thread, when a server there is closed."""
    if threading.current_thread() is threading.main_thread():
        for end in ending_process:
            end()


@contextlib.contextmanager
def ended_by_signals() -> Iterator[Ending]:
    """On the main thread Ctrl-C raises a KeyboardInterrupt that prints no traceback, and SIGTERM SystemExit(143).

    Each where the program has not said otherwise: as long as Python's own handler of SIGINT is set, and none of
    SIGTERM.
    """
    ending = Ending()
    replaced: list[tuple[int, Any]] = []
    try:
        if threading.current_thread() is threading.main_thread():
            _active.append(ending)
            for number, usual, handler in (
                (signal.SIGINT, signal.default_int_handler, ending.on_interrupt),
                (signal.SIGTERM, signal.SIG_DFL, ending.on_terminate),
            ):
                if signal.getsignal(number) is usual:
                    replaced.append((number, usual))
                    signal.signal(number, handler)
        yield ending
    except KeyboardInterrupt as interrupt:
        _quieten(interrupt)
        raise
    finally:
        if ending in _active:
            _active.remove(ending)
        for replaced_number, usual in replaced:
            signal.signal(replaced_number, usual)


def _quieten(interrupt: KeyboardInterrupt) -> None:
    """Python ends as it does after any Ctrl-C, but without a traceback, which would tell of this library only."""
    interrupt.__dict__["_ipcbridge_is_quiet"] = True
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _print_unless_quiet


def _print_unless_quiet(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if not error.__dict__.get("_ipcbridge_is_quiet"):
        sys.__excepthook__(kind, error, traceback)
