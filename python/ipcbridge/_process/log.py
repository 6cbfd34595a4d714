"""What the library says to the logger 'ipcbridge'.

A log may block: a pipe that nobody reads, a handler that waits for another process. So it is written on a thread of its
own, on which nothing waits; while it blocks, what does not fit the queue is counted and left out.
"""

from __future__ import annotations

import contextvars
from _queue import SimpleQueue

from .._errors import IpcError, class_name
from .._shown import bounded_text
from .._suppress import suppress
from .._typing import TYPE_CHECKING, Any
from .threads import Latch, OnceThread

if TYPE_CHECKING:
    import logging

_MOST_WAITING = 1000
_EXIT_FLUSH_TIMEOUT = 1.0  # seconds that the end of the interpreter waits for a log


class _Line:
    __slots__ = ("_args", "_context", "_error", "_level", "_text")

    def __init__(self, level: str, text: str, args: tuple[Any, ...], error: BaseException | None) -> None:
        self._level = level
        self._text = text
        self._args = args
        self._error = error
        self._context = contextvars.copy_context()  # a filter may look for a request's id there

    def write(self) -> None:
        try:
            self._write(self._text, self._args, self._error)
        except BaseException as failure:  # of a log handler of the user's, or of what belongs to the exception
            name = class_name(type(self._error or failure))
            args = tuple(_printed(arg) for arg in self._args)
            with suppress(BaseException):
                self._write(f"{self._text}, with a %s that cannot be printed", (*args, name), None)

    def _write(self, text: str, args: tuple[Any, ...], error: BaseException | None) -> None:
        import logging

        logger = logging.getLogger("ipcbridge")
        self._context.run(_write, logger, getattr(logging, self._level), text, args, error)


def _write(logger: logging.Logger, level: int, text: str, args: tuple[Any, ...], error: BaseException | None) -> None:
    args = tuple(bounded_text(arg) if isinstance(arg, (str, BaseException)) else arg for arg in args)
    shown = _traceback(error) if error is not None and logger.isEnabledFor(level) else ""
    short = bounded_text(shown)
    if error is None or short == shown:
        logger.log(level, text, *args, exc_info=error)
        return
    told = (type(error), error, error.__traceback__)
    record = logger.makeRecord(logger.name, level, __file__, 0, text, args, told)
    record.exc_text = short  # what formatters show in place of what they would make of it themselves
    logger.handle(record)


def _printed(arg: Any) -> Any:
    if isinstance(arg, (int, float)):
        return arg
    try:
        return str(arg)
    except BaseException:
        return f"a {class_name(type(arg))}"


def _traceback(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip("\n")


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
                _Line("WARNING", "%d messages were left out", (left_out,), None).write()


_log = _Log()


def error(message: str, *args: Any, exc_info: BaseException | None = None) -> None:
    _log.add(_Line("ERROR", message, args, exc_info))


def warning(message: str, *args: Any) -> None:
    _log.add(_Line("WARNING", message, args, None))


def flush(timeout: float = _EXIT_FLUSH_TIMEOUT) -> None:
    """Waits until what has been said is written, so long at the most."""
    _log.flush(timeout)


def forget_parent() -> None:
    """In a forked child: the thread runs in the parent only."""
    global _log
    _log = _Log()
