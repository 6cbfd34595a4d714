"""The headers of a Python, for a compiler that does not look into /usr/include."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools import empty, run

# Of our machines, in Debian's words.
ARCHITECTURES = ("x86_64-linux-gnu", "aarch64-linux-gnu")


def headers_beside(python: Path, folder: Path) -> Path:
    """A folder with what pyconfig.h of Debian includes from one for each architecture; for other Pythons an empty one.

    Debian has that of this machine alone. What it tells of types is so on all of ours, which have 64 bits.
    """
    tell = "import sysconfig; print(sysconfig.get_path('include'), sysconfig.get_config_var('MULTIARCH'))"
    include, multiarch = run(python, "-c", tell).split()
    version = Path(include).name
    here = Path(include).parent / multiarch / version / "pyconfig.h"
    folder = empty(folder)
    for architecture in ARCHITECTURES if here.exists() else ():
        (folder / architecture / version).mkdir(parents=True)
        shutil.copy(here, folder / architecture / version)
    return folder
