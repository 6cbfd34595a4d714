"""What `python -m ipcbridge doctor` finds and prints. The core looks at the machine, this at Python and the package."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ._unloadable import Fault, find_fault, interpreter_name, platform_name, reinstall_remedy

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Finding:
    check: str
    verdict: str  # "ok", "warning" or "fault": as of the core's
    found: str
    remedy: str = ""


def main(as_json: bool, fault: Fault | None = None) -> int:
    """Prints what is found; returns the exit code, 0 where there is no fault, else 1. `fault`: why nothing loads."""
    findings = examine(fault)
    if hasattr(sys.stdout, "reconfigure"):  # a path may have what the terminal has not
        sys.stdout.reconfigure(errors="backslashreplace")
    print(_json_of(findings) if as_json else _report_of(findings))
    return 1 if _count(findings, "fault") else 0


def run_instead(error: ImportError, file: str | None) -> None:
    """Where `python -m ipcbridge doctor` is what imports the package. Python imports that before its `__main__`."""
    arguments = command_line()
    for at, argument in enumerate(arguments):
        if argument == "-m" and arguments[at + 1 : at + 3] == ["ipcbridge", "doctor"]:
            sys.exit(main(as_json="--json" in arguments[at + 3 :], fault=find_fault(error, file)))


def command_line() -> list[str]:
    """What this process was started with; Python 3.9, PyPy's included, does not keep it."""
    kept: list[str] | None = getattr(sys, "orig_argv", None)
    if kept is not None:
        return kept
    try:
        return Path("/proc/self/cmdline").read_text("utf-8", "surrogateescape").split("\0")[:-1]
    except OSError:
        return []


def examine(fault: Fault | None) -> list[Finding]:
    findings = [*_guarded("Python", _python), *_guarded("package", _package, fault)]
    if fault is not None:
        return [*findings, *_guarded("native module", _unloadable, fault)]
    return [*findings, *_guarded("native module", _native_module), *_guarded("core", _core)]


def _guarded(check: str, look: Callable[..., Iterator[Finding]], *arguments: object) -> Iterator[Finding]:
    """What a check finds. One that fails itself is a fault, and keeps none of the others from being seen."""
    try:
        yield from look(*arguments)
    except Exception as error:
        yield Finding(check, "fault", f"the check failed: {error!r}", "report it as a bug of ipcbridge, with this line")


def _python() -> Iterator[Finding]:
    yield Finding("Python", "ok", f"{interpreter_name()}, {sys.executable}")


def _package(fault: Fault | None) -> Iterator[Finding]:
    try:
        installed = version("ipcbridge")
    except PackageNotFoundError:
        yield Finding("package", "ok", f"{_FOLDER}, which is on sys.path and not installed")
        return
    found = f"ipcbridge {installed} in {_FOLDER}"
    if fault is None and (loaded := _native_version()) != installed:
        found += f", and its native module is {loaded}"
        yield Finding("package", "fault", found, reinstall_remedy())
    else:
        yield Finding("package", "ok", found)


def _native_version() -> str:
    from ._native import __version__

    return __version__


def _native_module() -> Iterator[Finding]:
    from . import _native

    file = str(_native.__file__)
    suffix = next((each for each in EXTENSION_SUFFIXES if file.endswith(each)), "")
    yield Finding("native module", "ok", f"{file}, because this Python takes {suffix}")


def _unloadable(fault: Fault) -> Iterator[Finding]:
    tried = f", tried: {fault.file}" if fault.file else ""
    yield Finding("native module", "fault", f"it does not load: {fault.cause}{tried}", fault.remedy)
    yield Finding("platform", "ok", f"{platform_name()}; the rest cannot be checked")


def _core() -> Iterator[Finding]:
    from ._native import examine

    for finding in examine():
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
