"""The service in Python of array_values.test.mjs, until its stdin ends."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import Any

import numpy

import ipcbridge as ipc

UTC = timezone.utc


def plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, numpy.ndarray):
        return value.tolist()
    return str(value) if isinstance(value, complex) else value


class Service:
    def echo(self, value: Any) -> Any:
        return value

    def listed(self, value: Any) -> Any:
        return plain(value.astype(str).tolist() if value.dtype.kind == "M" else value.tolist())

    def zeros(self, shape: list[int], dtype: str) -> Any:
        return numpy.zeros(shape, dtype)

    def moment(self, text: str, unit: str) -> Any:
        return numpy.array(text, f"M8[{unit}]")

    def truncated(self, date: datetime, unit: str) -> dict[str, Any]:
        moment = numpy.datetime64(date.replace(tzinfo=None), "us").astype(f"M8[{unit}]")
        millisecond = moment.astype("M8[ms]").item()
        return {"count": int(moment.astype("i8")), "date": millisecond.replace(tzinfo=UTC)}


if __name__ == "__main__":
    with ipc.serve("arrays", Service()):
        print("ready", flush=True)
        sys.stdin.read()
