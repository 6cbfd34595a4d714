"""The tables of docs/compatibility.md: what was run, which versions of it, and what they did."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from runtimes import ROOT, RUNTIMES

PAGE = ROOT / "docs" / "compatibility.md"
_BEGIN = "<!-- The tables are written by `make test-matrix`. -->\n"
_END = "<!-- The end of what is written. -->\n"
_TABLES = ["JavaScript", "within Node.js 20", "Python", "on other machines"]
_COLUMNS = [
    "calls",
    "serves",
    "its service is killed",
    "its client is killed",
    "ends in mid-call",
    "names",
    "twenty workers",
]


class Cell(NamedTuple):
    """What a test has shown."""

    table: str
    row: str
    version: str
    column: str
    mark: str = "yes"


def row_beginning(row: str, version: str) -> str:
    return f"| {row} | {version} |"


def tools_version(package: str) -> str:
    """The locked version of one of the development dependencies of this repository."""
    version: str = json.loads((ROOT / "package-lock.json").read_text())["packages"][f"node_modules/{package}"][
        "version"
    ]
    return version


def write(cells: Iterable[Cell], page: Path = PAGE) -> None:
    text = page.read_text()
    before, rest = text.split(_BEGIN)
    _, after = rest.split(_END)
    page.write_text(f"{before}{_BEGIN}\n{_render(sorted(cells, key=_in_order))}\n{_END}{after}")


def _in_order(cell: Cell) -> tuple[int, list[int], int]:
    """The tests end in any order. Of the runtimes Node.js comes first, and elsewhere what was tested longest."""
    first = [runtime.title for runtime in RUNTIMES].index(cell.row) if cell.table == _TABLES[0] else 0
    numbers = [int(part) for part in cell.version.split(".") if part.isdigit()]
    return first, numbers, _COLUMNS.index(cell.column) if cell.column in _COLUMNS else 0


def _render(cells: list[Cell]) -> str:
    version = json.loads((ROOT / "package.json").read_text())["version"]
    libc, libc_version = platform.libc_ver()
    kernel = os.uname()
    when = datetime.now(timezone.utc).date()
    build = "the packages of `make dist`" if "IPCBRIDGE_TEST_PACKAGE" in os.environ else "a development build"
    parts = [
        f"Measured on {when} with ipcbridge {version}, {build}, on {kernel.sysname} "
        f"{kernel.release.partition('-')[0]} {kernel.machine}, {libc} {libc_version}.\n"
    ]
    for table in _TABLES:
        of_table = [cell for cell in cells if cell.table == table]
        if of_table:
            parts.append(_render_table(table, of_table))
    return "\n".join(parts)


def _render_table(table: str, cells: list[Cell]) -> str:
    columns = list(dict.fromkeys(cell.column for cell in cells))
    marks = {(cell.row, cell.column): cell.mark for cell in cells}
    lines = [f"| {table} | version | {' | '.join(columns)} |", f"|{'---|' * (len(columns) + 2)}"]
    for row, version in dict.fromkeys((cell.row, cell.version) for cell in cells):
        lines.append(f"{row_beginning(row, version)} {' | '.join(marks.get((row, each), '') for each in columns)} |")
    return "\n".join(lines) + "\n"
