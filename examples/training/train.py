"""A training loop that tells how far it is by the callbacks it is passed; served under the name `trainer`."""

import logging
import time

import ipcbridge as ipc

log = logging.getLogger("train")
log.setLevel(logging.INFO)


class CallbackHandler(logging.Handler):
    """Passes what is logged to a function, wherever that runs."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def emit(self, record):
        self.function(record.levelname, self.format(record))


class Trainer:
    def fit(self, points, epochs=10, on_epoch_end=None, on_log=None):
        """Fits y = a * x + b by gradient descent. `on_epoch_end(epoch, logs)` is called as Keras calls it."""
        handler = CallbackHandler(on_log) if on_log else logging.NullHandler()
        log.addHandler(handler)
        try:
            return self._fit(points, epochs, on_epoch_end or (lambda epoch, logs: None))
        finally:
            log.removeHandler(handler)

    def _fit(self, points, epochs, on_epoch_end):
        log.info("training with %d points", len(points))
        a = b = 0.0
        for epoch in range(epochs):
            time.sleep(0.005)  # there would be more to compute
            errors = [a * x + b - y for x, y in points]
            a -= 0.1 * sum(error * x for error, (x, _) in zip(errors, points)) / len(points)
            b -= 0.1 * sum(errors) / len(points)
            on_epoch_end(epoch, {"loss": sum(error**2 for error in errors) / len(points)})
        log.info("trained")
        return {"a": a, "b": b}


with ipc.serve("trainer", Trainer()) as server:
    print("serving trainer", flush=True)
    server.wait()
