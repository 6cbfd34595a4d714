"""What the blocking peer does with streams; async_streams.py and streams.mjs do the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from calls import arguments_of, clients, member_of, view_of
from lines import event
from telling import tell_error


class StreamActions:
    def __init__(self) -> None:
        self.streams: dict[str, Any] = {}
        self._went_on = threading.Semaphore(0)

    def read(self, **command: Any) -> Any:
        """Reads the stream that a method returns, and tells what came; `keep` is a name for it.

        After so many items it leaves the loop (`most`), raises in it (`raises`), or tells of them (`tells`).
        """
        args, _ = arguments_of(command)
        stream = [member_of(view_of(command), command["method"])(*args)]
        if "keep" in command:
            self.streams[command["keep"]] = stream[0]
        return self._read(stream, **command)

    def _read(self, stream: list[Any], most: int = 0, raises: int = 0, tells: int = 0, **_: Any) -> Any:
        seen: list[int] = []
        try:
            for item in stream.pop():  # so that nobody but the loop has it
                seen.append(item)
                if len(seen) == tells:
                    event("read")
                if len(seen) == raises:
                    raise LookupError("raised by the reader")
                if len(seen) == most:
                    break
        except Exception as error:
            return {"count": len(seen), "sum": sum(seen), "error": tell_error(error)}
        return {"count": len(seen), "sum": sum(seen), "error": None}

    def open(self, **command: Any) -> Any:
        """The first item of a stream, which is kept."""
        args, _ = arguments_of(command)
        self.streams[command["as"]] = stream = member_of(view_of(command), command["method"])(*args)
        return next(stream)

    def finish(self, **command: Any) -> Any:
        return self._read([self.streams[command["as"]]])

    def shut(self, **command: Any) -> None:
        self.streams[command["as"]].close()

    def sip(self, on: str, method: str, count: int, every: int, feeds: bool, **_: Any) -> int:
        following = 0
        for number in getattr(clients[on], method)(numbers(count) if feeds else count):
            expected = 2 * following if feeds else following
            if number != expected:
                raise AssertionError(f"{number} came instead of {expected}")
            following += 1
            if following % every == 0:
                event("paused")
                self._went_on.acquire()
        return following

    def go_on(self, **_: Any) -> None:
        self._went_on.release()

    def feed(self, count: int, **command: Any) -> Any:
        """Passes a stream of numbers to a method, before its other arguments; `reads` the stream that it returns."""
        args, _ = arguments_of(command)
        result = member_of(view_of(command), command["method"])(numbers(count), *args)
        return self._read([result], **command) if command.get("reads") else result


def numbers(count: int) -> Iterator[int]:
    event("feeding")
    try:
        yield from range(count)
    finally:
        event("fed")
