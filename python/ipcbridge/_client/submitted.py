"""Calls whose answers end futures."""

from __future__ import annotations

import time
from concurrent import futures

from .. import _native
from .._process import process as _process
from .._typing import Any


class Future(_native.SubmittedCall, futures.Future[Any]):
    """A call that has been sent, as submit() returns it: all that a concurrent.futures.Future can.

    Whoever waits in result() or exception() reads the answers of all such calls; those that nobody waits for a thread
    of the library reads. Callbacks run on the thread that has read.
    """

    __slots__ = ()

    @classmethod
    def of(cls, value: Any) -> Future:
        """One that has ended."""
        future = cls()
        future.set_result(value)
        return future

    def cancel(self) -> bool:
        """Tells the other side, whose handler is cancelled. False when the call has ended."""
        if not self._withdraw():
            return self.cancelled()
        super().cancel()
        return self.set_running_or_notify_cancel() or True  # for those who wait for one of several

    def result(self, timeout: float | None = None) -> Any:
        left = self._wait(timeout)
        if self._state == "FINISHED" and self._exception is None:
            return self._result
        return super().result(left)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        return super().exception(self._wait(timeout))

    def _wait(self, timeout: float | None) -> float | None:
        """Reads until the call has ended; what is left of the timeout, which another thread that ends it may take."""
        if timeout is None:
            self._read(-1)
            return None
        deadline = time.monotonic() + timeout
        self._read(max(0, int(min(timeout, 1e12) * 1_000_000)))
        return max(0.0, deadline - time.monotonic())


def start_collecting() -> None:
    """Starts the thread that ends futures which nobody waits for. Raises IpcError when there is none to be had."""
    _process.current().collector.start()


_native.use_future_type(Future)
