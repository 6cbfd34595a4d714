"""What type checkers are told."""

from __future__ import annotations

from pathlib import Path

from mypy import api

_USE = """
import asyncio
from ipcbridge import aio

async def use(calc: aio.Proxy) -> int:
    task = asyncio.create_task(aio.call(calc, "add", [1]))
    both = await asyncio.gather(task, aio.call(calc, "add", [2]))
    last: int = await asyncio.wait_for(aio.call(calc, "add", both), 1)
    return last
"""


def test_an_asyncio_call_goes_where_a_coroutine_or_a_future_does(tmp_path: Path) -> None:
    source = tmp_path / "use.py"
    source.write_text(_USE)
    said, complaints, status = api.run(["--strict", "--config-file=", f"--cache-dir={tmp_path}", str(source)])
    assert status == 0, said + complaints
