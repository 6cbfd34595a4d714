"""The addon for a machine."""

from __future__ import annotations

from pathlib import Path

from machines import Machine
from tools import BUILD, run
from zig import zig


def build_addon(machine: Machine, package: Path) -> Path:
    """Puts it into a package, with the headers that `npx ipcbridge-build` compiles with."""
    folder = BUILD / machine.name
    run("cmake", "--preset", "release", "-B", folder, f"-DIPCBRIDGE_TARGET={machine.target}", f"-DIPCBRIDGE_ZIG={zig()}")
    run("cmake", "--build", folder, "--target", "ipcbridge_node")
    run("cmake", "--install", folder, "--component", "node", "--prefix", package)
    return package / "js/native" / machine.name / "ipcbridge.node"
