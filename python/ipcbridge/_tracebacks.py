"""Tracebacks that tell users of their own lines, and of this library at most which function they called."""

from __future__ import annotations

import os
from types import TracebackType

_LIBRARY = os.path.dirname(__file__) + os.sep


def outside_the_library(traceback: TracebackType | None) -> TracebackType | None:
    """From the first frame of somebody else's code on."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(_LIBRARY):
        traceback = traceback.tb_next
    return traceback


def leave_out_the_library(error: BaseException) -> None:
    """Of what came through code of users in between: only their frames remain."""
    traceback = error.__traceback__ = outside_the_library(error.__traceback__)
    while traceback is not None:
        following = outside_the_library(traceback.tb_next)
        if following is not traceback.tb_next:
            traceback.tb_next = following
        traceback = following


def leave_one_frame(error: BaseException) -> None:
    """For a public function that has caught it and raises it again: of the library's frames its own remains.

    Called in an `except`, not by a context manager: after connect() and serve() have made what they return, code that
    runs before the caller has it is where an exception from a signal handler would lose it.
    """
    traceback = error.__traceback__
    if traceback is not None:
        traceback.tb_next = outside_the_library(traceback.tb_next)
