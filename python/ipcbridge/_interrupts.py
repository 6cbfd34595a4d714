"""Ctrl-C while handlers run on the main thread."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

from . import _native
from ._handlers import send_reply


class Interrupts:
    seen = False


@contextlib.contextmanager
def noting_interrupts() -> Iterator[Interrupts]:
    """Tells a Ctrl-C from a KeyboardInterrupt that a handler raises, as long as Python's own signal handler is set."""
    interrupts = Interrupts()
    replaced = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )

    def note(*_: object) -> None:
        interrupts.seen = True
        raise KeyboardInterrupt

    if replaced:
        signal.signal(signal.SIGINT, note)
    try:
        yield interrupts
    finally:
        if replaced:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def interruptible(pump: _native.Pump, handler: Any, interrupts: Interrupts) -> Any:
    def handle(payload: bytes) -> Any:
        reply = handler(payload)
        if interrupts.seen:
            request = _native.current_request()
            if reply is not None and request is not None:
                send_reply(pump, request[3:], reply)
            raise KeyboardInterrupt
        return reply

    return handle
