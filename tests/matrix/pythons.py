"""What runs Python: each interpreter of this machine for which there is a wheel, or the one of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from interpreters import pythons

THIS = f"{sys.version_info[0]}.{sys.version_info[1]}"


@dataclass(frozen=True)
class Python:
    """A CPython, and the wheel for it; without one, that into which the checkout is installed."""

    name: str
    interpreter: str
    wheel: Path | None

    def install(self, folder: Path) -> str:
        """The interpreter of an environment, to be made there, that has the wheel and nothing else."""
        if self.wheel is None:
            return self.interpreter
        subprocess.run([self.interpreter, "-m", "venv", folder], check=True)
        python = str(folder / "bin" / "python")
        options = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
        subprocess.run([python, "-m", "pip", "install", *options, self.wheel], check=True)
        return python


def found_pythons() -> list[Python]:
    """Those of the wheels in IPCBRIDGE_TEST_WHEELS."""
    wheels = os.environ.get("IPCBRIDGE_TEST_WHEELS")
    if wheels is None:
        return [Python(THIS, sys.executable, None)]
    found = []
    for name, interpreter in pythons().items():
        version = name.rstrip("t").replace(".", "")
        tag = f"cp{version}-cp{name.replace('.', '')}"
        fitting = sorted(Path(wheels).resolve().glob(f"ipcbridge-*-{tag}-*{os.uname().machine}.whl"))
        glibc = [wheel for wheel in fitting if "musl" not in wheel.name]
        if glibc:
            found.append(Python(name, str(interpreter), glibc[-1]))
    return found
