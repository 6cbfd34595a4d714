"""What the library says to the logger 'ipcbridge'.

A log may block: a pipe that nobody reads, a handler that waits for another process. So it is written on a thread of its
own, on which nothing waits; while it blocks, what does not fit the queue is counted and left out.
"""

from __future__ import annotations

import contextlib
import contextvars
from _queue import SimpleQueue
from typing import Any, NamedTuple

from ._errors import IpcError, class_name
from ._process.threads import Latch, OnceThread

_MOST_WAITING = 1000
_EXIT_PATIENCE = 1.0  # seconds that the end of the interpreter waits for a log


class _Line(NamedTuple):
    level: str
    text: str
    args: tuple[Any, ...]
    error: BaseException | None
    context: contextvars.Context  # the caller's: a filter may look for a request's id there

    def write(self) -> None:
        try:
            self._write(self.text, self.args, self.error)
        except BaseException as failure:  # of a log handler of the user's, or of what belongs to the exception
            name = class_name(type(self.error or failure))
            with contextlib.suppress(BaseException):
                self._write(f"{self.text}, with a %s that cannot be printed", (*self.args, name), None)

    def _write(self, text: str, args: tuple[Any, ...], error: BaseException | None) -> None:
        import logging

        logger = logging.getLogger("ipcbridge")
        self.context.run(lambda: logger.log(getattr(logging, self.level), text, *args, exc_info=error))


class _Log:
    def __init__(self) -> None:
        self._lines: SimpleQueue[_Line | Latch] = SimpleQueue()
        self._thread = OnceThread(self._run, "ipcbridge-log")
        self._left_out = 0

    def add(self, line: _Line) -> None:
        if self._lines.qsize() >= _MOST_WAITING:
            self._left_out += 1
            return
        try:
            self._thread.start()
        except IpcError:  # the interpreter ends, or there is no thread to be had
            line.write()
        else:
            self._lines.put(line)

    def flush(self, timeout: float) -> None:
        if self._thread.is_started():
            written = Latch()
            self._lines.put(written)
            written.wait(timeout)

    def _run(self) -> None:
        while True:
            line = self._lines.get()
            if isinstance(line, Latch):
                line.set()
                continue
            line.write()
            del line
            if self._left_out:
                left_out, self._left_out = self._left_out, 0
                _line("WARNING", "%d messages were left out", (left_out,), None).write()


def _line(level: str, text: str, args: tuple[Any, ...], error: BaseException | None) -> _Line:
    return _Line(level, text, args, error, contextvars.copy_context())


_log = _Log()


def error(message: str, *args: Any, exc_info: BaseException | None = None) -> None:
    _log.add(_line("ERROR", message, args, exc_info))


def warning(message: str, *args: Any) -> None:
    _log.add(_line("WARNING", message, args, None))


def flush(timeout: float = _EXIT_PATIENCE) -> None:
    """Waits until what has been said is written, so long at the most."""
    _log.flush(timeout)


def forget_parent() -> None:
    """In a forked child: the thread runs in the parent only."""
    global _log
    _log = _Log()
