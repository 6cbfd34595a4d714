"""A warehouse: what the programs beside this one, and what bundlers make of them, call."""

from __future__ import annotations

import asyncio
import datetime
import sys
from collections.abc import Callable, Iterable, Iterator

import ipcbridge as ipc


class OutOfStock(Exception):
    def __init__(self, sku: str, left: int) -> None:
        super().__init__(f"{left} left of {sku}")
        self.left = left


class Warehouse:
    def __init__(self) -> None:
        self._items: dict[str, dict[str, object]] = {}

    def load(self, items: Iterable[dict[str, object]], on_progress: Callable[[int], object]) -> int:
        """Takes a stream, and calls the caller back for each of its items."""
        for number, item in enumerate(items, 1):
            self._items[str(item["sku"])] = item
            on_progress(number)
        return len(self._items)

    def find(self, sku: str) -> dict[str, object] | None:
        return self._items.get(sku)

    async def reserve(self, sku: str, *, count: int = 1, until: datetime.datetime | None = None) -> dict[str, object]:
        await asyncio.sleep(0)
        item = self._items[sku]
        left = int(str(item["count"]))
        if count > left:
            raise OutOfStock(sku, left)
        item["count"] = left - count
        return {"sku": sku, "count": count, "until": until}

    def photo(self, sku: str, size: int) -> bytes:
        return sku.encode() * size

    def labels(self, sku: str) -> Iterator[str]:
        for number in range(int(str(self._items[sku]["count"]))):
            yield f"{sku}-{number}"


if __name__ == "__main__":
    with ipc.serve(sys.argv[1], Warehouse()) as server:
        ipc.close_on_signals(server)
        print("ready", flush=True)
        server.wait()
