"""The CPythons of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

OLDEST, NEWEST = 9, 14


def pythons() -> dict[str, Path]:
    """The interpreters found on this machine, of each version one."""
    names = [f"3.{minor}{threads}" for minor in range(OLDEST, NEWEST + 1) for threads in ("", "t")]
    found = {name: working(name) for name in names}
    return {name: python for name, python in found.items() if python is not None}


def working(name: str) -> Path | None:
    """The first CPython of this version on PATH or among those of pyenv that runs."""
    installed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    version, threads = name.rstrip("t"), "t" if name.endswith("t") else ""
    of_pyenv = [folder / f"bin/python{name}" for folder in installed.glob(f"{version}.*")]
    of_path = shutil.which(f"python{name}")
    tell = "import sys; print(sys.implementation.name, *sys.version_info[:2], getattr(sys, 'abiflags', ''))"
    for python in [*([Path(of_path)] if of_path else []), *sorted(of_pyenv, reverse=True)]:
        try:
            said = subprocess.run([python, "-c", tell], capture_output=True, text=True).stdout.split()
        except OSError:
            continue
        if said == ["cpython", *version.split("."), *([threads] if threads else [])]:
            return python
    return None
