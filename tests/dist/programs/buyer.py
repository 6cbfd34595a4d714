"""A client of stock.py in Python, blocking and with asyncio."""

from __future__ import annotations

import asyncio
import datetime
import json
import sys
from typing import Any

import ipcbridge as ipc

ITEMS = [{"sku": "axe", "count": 3}, {"sku": "saw", "count": 1}]
UNTIL = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)


def buy(name: str) -> list[Any]:
    progress: list[int] = []
    with ipc.connect(name) as warehouse:
        loaded = warehouse.load(ipc.stream(ITEMS), progress.append)
        reserved = ipc.with_options(warehouse, timeout=20).reserve("axe", count=2, until=UNTIL)
        failure = None
        try:
            warehouse.reserve("saw", count=5)
        except ipc.RemoteError as error:
            failure = error
        labels = list(warehouse.labels("axe"))
        photo = warehouse.photo("saw", 2).decode()
        missing = warehouse.find("nail")
    assert failure is not None
    reserved["until"] = reserved["until"].strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return [loaded, progress, reserved, failure.type, failure.attributes, True, labels, photo, missing]


async def look_around(name: str) -> str:
    async with await ipc.aio.connect(name) as warehouse:
        found = await asyncio.gather(*(warehouse.find(sku) for sku in ("axe", "saw")))
    return ",".join(item["sku"] for item in found)


if __name__ == "__main__":
    print(json.dumps({"bought": buy(sys.argv[1]), "found": asyncio.run(look_around(sys.argv[1]))}))
