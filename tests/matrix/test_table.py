"""docs/compatibility.md: `make test-matrix` writes the table, and has to be run again for other versions."""

from __future__ import annotations

import pytest
from runtimes import RUNTIMES, is_whole
from table import PAGE, row_beginning, tools_version

pytestmark = pytest.mark.skipif(is_whole(), reason="the tables are written afterwards")


@pytest.mark.parametrize(("row", "version"), [(runtime.title, runtime.version) for runtime in RUNTIMES])
def test_each_runtime_has_its_row(row: str, version: str) -> None:
    assert row_beginning(row, version) in PAGE.read_text(), "run make test-matrix"


@pytest.mark.parametrize(("row", "package"), [("Jest", "jest"), ("Vitest", "vitest"), ("esbuild", "esbuild")])
def test_each_tool_has_its_row(row: str, package: str) -> None:
    assert row_beginning(row, tools_version(package)) in PAGE.read_text(), "run make test-matrix"
