"""Builds what is released into `dist`: the npm package, the wheels, and the sdist."""

from __future__ import annotations

import argparse
from pathlib import Path

from interpreters import pythons
from machines import MACHINES, Machine
from npm import build_npm_package
from tools import DIST, empty
from wheels import build_sdist, build_wheel


def main() -> None:
    machines, interpreters = chosen()
    empty(DIST)
    build_npm_package(machines)
    build_sdist()
    for machine in machines:
        for name, python in interpreters.items():
            build_wheel(machine, name, python)
    for file in sorted(DIST.iterdir()):
        print(f"{file.stat().st_size:10,} {file.name}")


def chosen() -> tuple[list[Machine], dict[str, Path]]:
    parser = argparse.ArgumentParser(description=__doc__)
    names, found = [machine.name for machine in MACHINES], pythons()
    parser.add_argument("--machines", nargs="+", choices=names, default=names, help="build for these alone")
    parser.add_argument("--pythons", nargs="+", choices=list(found), default=list(found), help="wheels for these alone")
    arguments = parser.parse_args()
    machines = [machine for machine in MACHINES if machine.name in arguments.machines]
    return machines, {name: found[name] for name in arguments.pythons}


if __name__ == "__main__":
    main()
