"""The package for npm: what `npm pack` takes from the checkout, with the binaries of all machines."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from addon import build_addon
from binaries import check_binary
from machines import Machine
from notices import write_notices
from tools import BUILD, DIST, ROOT, empty, run


def build_npm_package(machines: list[Machine], test_module: bool) -> None:
    package = unpacked_checkout()
    for machine in machines:
        for binary in build_addon(machine, package, test_module):
            check_binary(binary, machine)
    write_notices(package, "npm")
    pack(package, DIST)


def unpacked_checkout() -> Path:
    folder = empty(BUILD / "npm")
    with tarfile.open(pack(ROOT, folder)) as tarball:
        tarball.extractall(folder)
    for made_here in ("native", "headers"):
        shutil.rmtree(folder / "package/js" / made_here, ignore_errors=True)
    return folder / "package"


def pack(package: Path, into: Path) -> Path:
    named = run("npm", "pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", into, cwd=package)
    return into / named.strip()
