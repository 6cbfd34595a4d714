"""The wheels: for each machine and each CPython, and the sdist."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path

from binaries import check_binary
from headers import headers_beside
from machines import Machine
from notices import write_notices
from tools import BUILD, DIST, ROOT, empty, environment, run, source_date
from zig import zig

RELEASE = ROOT / "release"


def build_wheel(machine: Machine, name: str, python: Path, test_module: bool) -> None:
    """Into `dist`. What does not depend on Python was compiled with the addon for this machine."""
    interpreter = environment(python, RELEASE / "requirements-build.txt", BUILD / "pythons" / name)
    notices = empty(BUILD / "notices")
    write_notices(notices, "python", interpreter.parent.parent)
    made = empty(BUILD / "wheel")
    settings = {
        "build-dir": str(BUILD / machine.name),
        "cmake.build-type": "Release",
        "cmake.define.CMAKE_TOOLCHAIN_FILE": str(ROOT / "cmake/toolchains/zig.cmake"),
        "cmake.define.IPCBRIDGE_TARGET": machine.target,
        "cmake.define.IPCBRIDGE_ZIG": str(zig()),
        "cmake.define.IPCBRIDGE_PYTHON_HEADERS": str(headers_beside(python, BUILD / "headers" / name)),
        "cmake.define.IPCBRIDGE_NOTICES": str(notices),
        "cmake.define.IPCBRIDGE_TEST_MODULE": "ON" if test_module else "OFF",
    }
    # What Python and pybind11 ask where a module is built for another machine.
    suffix = f".cpython-{name.replace('.', '')}-{machine.soabi}.so"
    foreign = {"_PYTHON_HOST_PLATFORM": machine.python_platform, "SETUPTOOLS_EXT_SUFFIX": suffix}
    build(interpreter, "wheel", made, settings, foreign)
    [wheel] = made.glob("*.whl")
    check_binaries(wheel, machine, f"ipcbridge/_native{suffix}")
    name_by_policy(wheel, machine)


def check_binaries(wheel: Path, machine: Machine, module: str) -> None:
    unpacked = empty(BUILD / "unpacked")
    with zipfile.ZipFile(wheel) as archive:
        if module not in archive.namelist():
            sys.exit(f"release: {wheel.name} has no {module}, which is what Python looks for on that machine")
        archive.extractall(unpacked)
    for binary in unpacked.rglob("*.so"):
        check_binary(binary, machine)


def name_by_policy(wheel: Path, machine: Machine) -> None:
    """Into `dist`, named after the machines on which it runs.

    auditwheel finds out which versions of glibc these have. It knows no musl by the name that zig gives it, `libc.so`.
    """
    times = {"SOURCE_DATE_EPOCH": source_date()}  # both pack anew
    if machine.musllinux is None:
        run("auditwheel", "repair", "--plat", "auto", "--wheel-dir", DIST, wheel, env=times)
    else:
        run("wheel", "tags", "--remove", "--platform-tag", machine.musllinux, wheel, env=times)
        [named] = wheel.parent.glob("*.whl")
        shutil.move(named, DIST)


def build_sdist() -> None:
    interpreter = environment("python3", RELEASE / "requirements-build.txt", BUILD / "pythons/sdist")
    build(interpreter, "sdist", DIST)


def build(
    interpreter: Path,
    what: str,
    into: Path,
    settings: dict[str, str] | None = None,
    env: dict[str, str] | None = None,
) -> None:
    """Calls the backend, as pip does."""
    call = f"from scikit_build_core.build import build_{what} as build; build({str(into)!r}, {settings!r})"
    run(interpreter, "-c", call, env={"SOURCE_DATE_EPOCH": source_date(), **(env or {})})
