"""Builds what is released into `dist`, or $IPCBRIDGE_DIST: the npm package, the wheels, and the sdist."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from interpreters import pythons
from machines import MACHINES
from npm import build_npm_package
from tools import DIST, empty
from wheels import build_sdist, build_wheel

# Compressed, in bytes: the npm package, for one machine, and a wheel.
MOST_OF_NPM, MOST_OF_WHEEL = 3_000_000, 2_000_000


def main() -> None:
    interpreters = pythons()
    chosen = arguments(list(interpreters))
    machines = [machine for machine in MACHINES if machine.name in chosen.machines]
    empty(DIST)
    build_npm_package(machines, chosen.test_module)
    build_sdist()
    for machine in machines:
        for name in chosen.pythons:
            build_wheel(machine, name, interpreters[name], chosen.test_module)
    for file in sorted(DIST.iterdir()):
        print(f"{file.stat().st_size:10,} {file.name}")
    for file in DIST.iterdir():
        check_size(file, len(machines))


def arguments(found: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [machine.name for machine in MACHINES]
    parser.add_argument("--machines", nargs="+", choices=names, default=names, help="build for these alone")
    parser.add_argument("--pythons", nargs="+", choices=found, default=found, help="wheels for these alone")
    parser.add_argument("--test-module", action="store_true", help="with a module of the tests; not to be released")
    return parser.parse_args()


def check_size(file: Path, machines: int) -> None:
    most = {".tgz": MOST_OF_NPM * machines, ".whl": MOST_OF_WHEEL}.get(file.suffix)
    if most is not None and file.stat().st_size > most:
        sys.exit(f"release: {file.name} has {file.stat().st_size:,} bytes, more than {most:,}")


if __name__ == "__main__":
    main()
