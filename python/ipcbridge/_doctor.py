"""What `python -m ipcbridge doctor` finds and prints. The core looks at the machine, this at Python and the package."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

_FOLDER = Path(__file__).parent
_REINSTALL = f"`{sys.executable} -m pip install --force-reinstall ipcbridge`; in a source checkout, `make build`"


@dataclass(frozen=True)
class Finding:
    check: str
    verdict: str  # "ok", "warning" or "fault": as of the core's
    found: str
    remedy: str = ""


def main(as_json: bool) -> int:
    """Prints what is found; returns the exit code, 0 where there is no fault, else 1."""
    findings = examine()
    if hasattr(sys.stdout, "reconfigure"):  # a path may have what the terminal has not
        sys.stdout.reconfigure(errors="backslashreplace")
    print(_json_of(findings) if as_json else _report_of(findings))
    return 1 if _count(findings, "fault") else 0


def examine() -> list[Finding]:
    findings = [*_guarded("Python", _python)]
    try:
        native = import_module("ipcbridge._native")
    except Exception as error:
        return [*findings, *_guarded("package", _package, None), *_guarded("native module", _unloadable, error)]
    return [
        *findings,
        *_guarded("package", _package, native),
        *_guarded("native module", _native_module, native),
        *_guarded("core", _core, native),
    ]


def _guarded(check: str, look: Callable[..., Iterator[Finding]], *arguments: object) -> Iterator[Finding]:
    """What a check finds. One that fails itself is a fault, and keeps none of the others from being seen."""
    try:
        yield from look(*arguments)
    except Exception as error:
        yield Finding(check, "fault", f"the check failed: {error!r}", "report it as a bug of ipcbridge, with this line")


def _python() -> Iterator[Finding]:
    name = platform.python_implementation()
    found = f"{name} {platform.python_version()}, {sys.executable}"
    if name == "CPython":
        yield Finding("Python", "ok", found)
    else:
        yield Finding("Python", "fault", f"{found}: ipcbridge works with CPython only", "install CPython 3.9 or later")


def _package(native: ModuleType | None) -> Iterator[Finding]:
    try:
        installed = version("ipcbridge")
    except PackageNotFoundError:
        yield Finding("package", "ok", f"{_FOLDER}, which is on sys.path and not installed")
        return
    found = f"ipcbridge {installed} in {_FOLDER}"
    if native is None or native.__version__ == installed:
        yield Finding("package", "ok", found)
    else:
        yield Finding("package", "fault", f"{found}, and its native module is {native.__version__}", _REINSTALL)


def _native_module(native: ModuleType) -> Iterator[Finding]:
    suffix = next((each for each in EXTENSION_SUFFIXES if str(native.__file__).endswith(each)), "")
    yield Finding("native module", "ok", f"{native.__file__}: of this package, and {suffix} is for this Python")


def _unloadable(error: Exception) -> Iterator[Finding]:
    yield Finding("platform", "ok", f"{platform.system()} {platform.release()}, {platform.machine()}, {_libc()}")
    there = sorted(path.name for path in _FOLDER.glob("_native*") if path.suffix != ".pyi")
    mine = [name for name in there if name.removeprefix("_native") in EXTENSION_SUFFIXES]
    if mine:
        found = f"{_FOLDER / mine[0]} does not load: {error}"
    else:
        found = (
            f"there is none in {_FOLDER} for this Python, which takes _native{EXTENSION_SUFFIXES[0]}; "
            f"there is {', '.join(there) or 'no other either'}"
        )
    yield Finding("native module", "fault", found, _REINSTALL)


def _libc() -> str:
    return " ".join(filter(None, platform.libc_ver())) or "no glibc"


def _core(native: ModuleType) -> Iterator[Finding]:
    for finding in native.examine():
        yield Finding(*finding)


def _report_of(findings: list[Finding]) -> str:
    width = max(len(finding.check) for finding in findings)
    lines = []
    for each in findings:
        lines.append(f"{each.verdict:<7}  {each.check:<{width}}  {each.found}")
        if each.remedy:
            lines.append(f"{'':<7}  {'':<{width}}  remedy: {each.remedy}")
    faults, warnings = (_count(findings, verdict) for verdict in ("fault", "warning"))
    return "\n".join([*lines, f"faults: {faults}, warnings: {warnings}"])


def _json_of(findings: list[Finding]) -> str:
    from json import dumps

    return dumps([asdict(finding) for finding in findings], indent=2)


def _count(findings: list[Finding], verdict: str) -> int:
    return sum(finding.verdict == verdict for finding in findings)
