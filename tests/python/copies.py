"""Further copies of the package, for tests that break them or add to them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import ipcbridge
from ipcbridge._native import __file__ as EXTENSION  # noqa: N812


class Copy:
    """Another copy of the package, which processes import that do not know of the installed one (-S)."""

    def __init__(self, folder: Path) -> None:
        self.package = folder / "ipcbridge"
        shutil.copytree(Path(ipcbridge.__file__).parent, self.package, ignore=shutil.ignore_patterns("*.so"))
        self.module = self.package / Path(EXTENSION).name
        # What debuggers need is most of it, and takes long to copy.
        subprocess.run(["strip", "-o", str(self.module), EXTENSION], check=True)

    def set_version(self, version: str) -> None:
        """Of the extension module, which the package has its own from. It takes one of the same length."""
        own = ipcbridge.__version__.encode()
        assert len(version) == len(own)
        content = self.module.read_bytes()
        assert own + b"\0" in content
        self.module.write_bytes(content.replace(own + b"\0", version.encode() + b"\0"))

    def run(self, *arguments: str, under: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*under, sys.executable, "-S", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(self.package.parent)},
            timeout=60,
            check=False,
        )

    def doctor(self, *under: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code, and what is found by the names of the checks."""
        done = self.run("-m", "ipcbridge", "doctor", "--json", under=under)
        assert not done.stderr
        return done.returncode, {each["check"]: each for each in json.loads(done.stdout)}

    def refusal(self, *under: str) -> str:
        """What `import ipcbridge` says. The doctor says the same, and goes on."""
        program = "try:\n    import ipcbridge\nexcept ImportError as error:\n    print(error)"
        done = self.run("-c", program, under=under)
        assert (done.returncode, done.stderr) == (0, "")
        cause, *_, remedy = done.stdout.removeprefix("ipcbridge's extension module does not load: ").splitlines()
        code, findings = self.doctor(*under)
        assert code == 1
        assert cause.rstrip(".") in findings["native module"]["found"]
        assert findings["native module"]["remedy"] == remedy
        assert findings["platform"]["found"].startswith("Linux ")
        return done.stdout
