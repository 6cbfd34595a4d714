"""The place of shared modules in the package: the folder `modules` beside the extension module."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from copies import Copy

BUILT = Path(__file__).parents[2] / "build/dev/tests/core"


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_a_package_without_them_is_whole(copy: Copy) -> None:
    _, findings = copy.doctor()
    assert findings["shared modules"]["verdict"] == "ok"
    assert findings["shared modules"]["found"] == f"none in {copy.package}/modules"


def test_those_that_are_there_can_be_opened(copy: Copy) -> None:
    place = copy.package / "modules"
    place.mkdir()
    shutil.copy(BUILT / "modules/greeting.so", place)
    _, findings = copy.doctor()
    assert findings["shared modules"]["found"] == f"greeting in {place}"


def test_one_of_another_version_is_a_fault(copy: Copy) -> None:
    place = copy.package / "modules"
    place.mkdir()
    shutil.copy(BUILT / "broken_modules/greeting_of_tomorrow.so", place)
    code, findings = copy.doctor()
    assert code == 1
    assert "greeting_of_tomorrow.so is of ipcbridge 999.0.0, and this is " in findings["shared modules"]["found"]
    assert findings["shared modules"]["remedy"] == "install ipcbridge again"
