"""The stacks of errors as text: one for all the processes that an error came through, outermost call first."""

from __future__ import annotations

from .._errors import RemoteError
from .._shown import bounded_text
from .._typing import Any
from ._error_names import name_of

HEADING = "Remote traceback:"


def marked(stack: str) -> str:
    """A remote stack whose frames tell their language; those that came from further away do so already."""
    return "\n".join(map(_marked_line, stack.split("\n")))


def _marked_line(line: str) -> str:
    text = line.lstrip(" |")  # in a group of exceptions behind bars
    if text is line or not text.startswith(('File "', "at ")):
        return line
    return f"{line[: len(line) - len(text)]}[{'node' if text.startswith('at ') else 'python'}] {text}"


def stack_of(error: BaseException) -> str:
    """The traceback as Python prints it; of an error that came from elsewhere, that one's below it."""
    try:
        import traceback  # takes long, and is for failures only

        text = "".join(traceback.format_exception(type(error), error, error.__traceback__, chain=False))
    except Exception as failure:
        text = f"(the traceback could not be formatted: {name_of(failure)})"
    remote = remote_stack_of(error)
    if remote and HEADING not in text:  # before Python 3.11, which prints notes
        text = f"{text.rstrip()}\n{HEADING}\n{remote}"
    return bounded_text(text)


def remote_stack_of(error: BaseException) -> str | None:
    """That with which it arrived here."""
    if isinstance(error, RemoteError):
        return error.remote_traceback
    given: Any = getattr(error, "__dict__", {}).get("remote_traceback")
    return given if type(given) is str else None
