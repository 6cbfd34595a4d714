"""What runs JavaScript: the executables that install.sh has installed."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "matrix"
_LOCKED = json.loads((HERE / "package-lock.json").read_text())["packages"]

# Neither asks for a newer version of itself, nor leaves anything outside of the checkout.
ENVIRONMENT = {
    **os.environ,
    "DENO_DIR": str(BUILD / "deno"),
    "DENO_NO_UPDATE_CHECK": "1",
    "NO_COLOR": "1",
}


@dataclass(frozen=True)
class Runtime:
    """One of the packages of package.json."""

    package: str
    title: str
    executable: str
    options: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """The one of the lock file, which says more of it than its executables do."""
        version: str = _LOCKED[f"node_modules/{self.package}"]["version"]
        return version

    @property
    def path(self) -> str:
        return str(BUILD / "node_modules" / self.package / self.executable)

    @property
    def command(self) -> list[str]:
        return [self.path, *self.options]

    def run(self, *arguments: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
        """A program to its end."""
        environment = {**ENVIRONMENT, **more}
        command = [*self.command, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=folder, env=environment, timeout=100, check=False
        )


NODES = [Runtime(f"node{major}", f"Node.js {major}", "bin/node") for major in (16, 18, 20, 22, 24, 26)]
NODE_20 = NODES[2]
BUN = Runtime("bun", "Bun", "bin/bun")
# Its cache does not see that a build has changed the code of a package.
DENO = Runtime("deno", "Deno", "deno", ("run", "--allow-all", "--no-code-cache"))
RUNTIMES = [*NODES, BUN, DENO]


def is_whole() -> bool:
    """Whether it is the whole matrix that runs, and not the part that belongs to `make test`."""
    return "IPCBRIDGE_TEST_MATRIX" in os.environ
