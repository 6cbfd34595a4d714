"""The package where nothing can be written, as in many containers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from copies import Copy

_NAMESPACE = ("unshare", "--mount", *(() if os.getuid() == 0 else ("--map-root-user",)))


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    if subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be mounted")
    return Copy(tmp_path)


def _read_only(folder: Path) -> tuple[str, ...]:
    """What runs the command after it where the folder is mounted so, for that one alone."""
    script = f"mount --bind '{folder}' '{folder}'; mount -o remount,bind,ro '{folder}'; exec \"$@\""
    return (*_NAMESPACE, "sh", "-ec", script, "sh")


def test_it_works(copy: Copy) -> None:
    code = """if True:
        import errno, sys
        try:
            open(sys.argv[1] + "/new", "w")
        except OSError as error:
            assert error.errno == errno.EROFS
        else:
            raise AssertionError("it can be written")
        import ipcbridge
        with ipcbridge.serve("read-only", {"add": lambda a, b: a + b}), ipcbridge.connect("read-only") as calc:
            print(ipcbridge.__file__, calc.add(2, 3))
    """
    done = copy.run("-c", code, str(copy.package), under=_read_only(copy.package))
    assert (done.stdout, done.stderr) == (f"{copy.package / '__init__.py'} 5\n", "")


def test_it_is_well_for_the_doctor(copy: Copy) -> None:
    code, findings = copy.doctor(*_read_only(copy.package))
    assert code == 0
    assert findings["native module"]["verdict"] == "ok"
