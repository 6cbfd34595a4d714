"""What type checkers are told."""

from __future__ import annotations

import re
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

_OPEN = """
from ipcbridge import aio

calc: aio.Proxy = aio.connect("calc", lazy=True)

async def use() -> object:
    async with aio.connect("calc") as entered, calc as lazily:
        found: tuple[aio.Proxy, aio.Proxy] = (entered, lazily)
    awaited: aio.Proxy = await aio.connect("calc", lazy=False)
    return found, awaited
"""


def _expect_no_complaint(tmp_path: Path, code: str) -> None:
    source = tmp_path / "use.py"
    source.write_text(code)
    said, complaints, status = api.run(["--strict", "--config-file=", f"--cache-dir={tmp_path}", str(source)])
    assert status == 0, said + complaints


def test_an_asyncio_call_goes_where_a_coroutine_or_a_future_does(tmp_path: Path) -> None:
    _expect_no_complaint(tmp_path, _USE)


def test_connect_is_awaited_or_entered_and_a_lazy_one_is_there_at_once(tmp_path: Path) -> None:
    _expect_no_complaint(tmp_path, _OPEN)


def test_a_name_that_the_module_does_not_have_is_found(tmp_path: Path) -> None:
    source = tmp_path / "use.py"
    source.write_text("import ipcbridge as ipc\nprint(ipc.aio.connect, ipc.close_on_signals)\nprint(ipc.Unavailible)\n")
    said, _, status = api.run(["--strict", "--config-file=", f"--cache-dir={tmp_path}", str(source)])
    assert status == 1
    assert '"Unavailible"; maybe "Unavailable"?' in said
    assert "Found 1 error" in said


def test_the_types_of_the_documentation_hold(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/services.md").read_text()
    section = page.split("## Types in Python", 1)[1]
    snippet = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert snippet is not None
    _expect_no_complaint(tmp_path, snippet[1])
