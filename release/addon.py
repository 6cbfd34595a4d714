"""The addon for a machine, and the shared modules that come with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from machines import Machine
from tools import BUILD, run
from zig import zig


def build_addon(machine: Machine, package: Path, test_module: bool) -> Iterator[Path]:
    """Puts them into a package, with the headers that `npx ipcbridge-build` compiles with; gives the binaries."""
    folder = BUILD / machine.name
    options = {
        "IPCBRIDGE_TARGET": machine.target,
        "IPCBRIDGE_ZIG": zig(),
        "IPCBRIDGE_TEST_MODULE": "ON" if test_module else "OFF",
    }
    definitions = [f"-D{name}={value}" for name, value in options.items()]
    run("cmake", "--preset", "release", "-B", folder, *definitions)
    run("cmake", "--build", folder, "--target", "ipcbridge_node", "ipcbridge_modules")
    run("cmake", "--install", folder, "--component", "node", "--prefix", package)
    into = package / "js/native" / machine.name
    return (file for file in into.rglob("*") if file.is_file())
