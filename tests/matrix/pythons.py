"""What runs Python: each interpreter of this machine for which there is a wheel, or the one of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

THIS = f"{sys.version_info[0]}.{sys.version_info[1]}"
_PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"


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
    for minor in range(9, 15):
        for tag, name in ((f"cp3{minor}-cp3{minor}", f"3.{minor}"), (f"cp3{minor}-cp3{minor}t", f"3.{minor}t")):
            interpreter = _interpreter(name)
            fitting = sorted(Path(wheels).resolve().glob(f"ipcbridge-*-{tag}-*{os.uname().machine}.whl"))
            glibc = [wheel for wheel in fitting if "musl" not in wheel.name]
            if interpreter is not None and glibc:
                found.append(Python(name, interpreter, glibc[-1]))
    return found


def _interpreter(name: str) -> str | None:
    if name == THIS:
        return sys.executable
    of_pyenv = sorted(_PYENV.glob(f"{name.rstrip('t')}.*/bin/python{name}"))
    return str(of_pyenv[-1]) if of_pyenv else shutil.which(f"python{name}")
