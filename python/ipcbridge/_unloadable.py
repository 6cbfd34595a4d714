"""Why the extension module does not load, and what to do. Imported when it does not."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

_FOLDER = Path(__file__).parent
TRUNCATED = "the file is truncated"
_PIP = f"{sys.executable} -m pip install --force-reinstall"


@dataclass(frozen=True)
class Fault:
    """Two sentences, and the file that was tried, if there is one."""

    cause: str
    remedy: str
    file: str | None


def explained(error: ImportError, file: str | None) -> ImportError:
    """What to raise instead. In a subinterpreter the error says all there is to say."""
    if "subinterpreter" in str(error):
        return error
    fault = find_fault(error, file)
    lines = [
        f"ipcbridge's extension module does not load: {fault.cause}.",
        *([f"  tried: {file}"] if file else []),
        f"  platform: {platform_name()}, {interpreter_name()}",
        fault.remedy,
    ]
    return ImportError("\n".join(lines), name="ipcbridge._native", path=file)


def platform_name() -> str:
    libc = " ".join(filter(None, platform.libc_ver())) or "no glibc"
    return f"{platform.system()} {platform.release()}, {platform.machine()}, {libc}"


def interpreter_name() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"


def find_fault(error: ImportError, file: str | None) -> Fault:
    find_kind = _KINDS.get(platform.system())
    if find_kind is None:
        return Fault(
            f"ipcbridge runs on {' and '.join(_KINDS)}",
            "Run the program in Linux: a container, a virtual machine, WSL.",
            file,
        )
    if platform.python_implementation() != "CPython" or sys.hexversion < 0x03090000:
        cause = f"this is {interpreter_name()}, and ipcbridge is for CPython 3.9 and later"
        return Fault(cause, "Use such a Python: a virtual environment of it, or its own pip.", file)
    if file is None:
        return _nothing_for_this_python(error)
    message = str(error)
    kind = None if message == TRUNCATED else find_kind(file)
    if kind:
        return Fault(kind, reinstall_remedy(), file)
    version = re.search(r"version [`'](GLIBC|GLIBCXX|CXXABI)_([\d.]+)' not found", message)
    if version:
        library = "glibc" if version[1] == "GLIBC" else "libstdc++"
        return Fault(
            f"it needs {library} with {version[1]}_{version[2]}, and the one here is older", _build_remedy(), file
        )
    missing = re.search(r"([^\s:]+): cannot open shared object file: No such file", message)
    if missing and missing[1] != file:
        return Fault(f"the library {missing[1]} is missing", _build_remedy(), file)
    if "failed to map segment" in message:
        return Fault(
            f"nothing in {_FOLDER} may be executed, as on a file system that is mounted noexec",
            "Install the package elsewhere, or, as root, run `mount -o remount,exec` on that file system.",
            file,
        )
    if "Permission denied" in message:
        return Fault("this user may not read it", f"As its owner, run `chmod -R a+rX '{_FOLDER}'`.", file)
    return Fault(message, reinstall_remedy(), file)


def _kind_of_elf(file: str) -> str | None:
    """What the dynamic loader calls a file that is not there, or a library that is missing."""
    try:
        content, own = Path(file).read_bytes(), Path(sys.executable).read_bytes()[:64]
    except OSError:
        return None
    if content[:4] != b"\x7fELF":
        return "the file is no ELF library"
    theirs, ours = _machine(content), _machine(own)
    if theirs != ours:
        return f"the library is for {theirs}, and this interpreter is of {ours}"
    is_glibc = b"\0libc.so.6\0" in content
    is_musl = b"\0libc.so\0" in content or b"\0libc.musl-" in content
    runs_musl = "/ld-musl-" in _mapped_files()
    if is_glibc if runs_musl else is_musl:
        names = ("glibc", "musl")
        return f"the library is for {names[not runs_musl]}, and this interpreter runs with {names[runs_musl]}"
    return None


# What keeps a file from being a binary for this interpreter, by platform.system(). A port adds a row: docs/porting.md.
_KINDS: dict[str, Callable[[str], str | None]] = {"Linux": _kind_of_elf}


def _machine(header: bytes) -> str:
    number = int.from_bytes(header[18:20], "big" if header[5:6] == b"\2" else "little")
    return {3: "i686", 22: "s390x", 40: "arm", 62: "x86_64", 183: "aarch64"}.get(number, f"machine {number} of ELF")


def _mapped_files() -> str:
    try:
        return Path("/proc/self/maps").read_text("latin1")
    except OSError:
        return ""


def _nothing_for_this_python(error: ImportError) -> Fault:
    others = sorted(path.name for path in _FOLDER.glob("_native.*") if path.suffix != ".pyi")
    if not others:
        return Fault(f"there is none in {_FOLDER} ({error})", reinstall_remedy(), None)
    cause = f"{_FOLDER} has {', '.join(others)}, and this Python takes _native{EXTENSION_SUFFIXES[0]}"
    if _is_checkout():  # make builds for the Python of .venv
        return Fault(cause, f"Run `{sys.executable} -m pip install '{_FOLDER.parents[1]}'`.", None)
    return Fault(cause, reinstall_remedy(), None)


def _is_checkout() -> bool:
    return (_FOLDER.parents[1] / "CMakeLists.txt").exists()


def reinstall_remedy() -> str:
    return "Run `make build`." if _is_checkout() else f"Run `{_PIP} ipcbridge`."


def _build_remedy() -> str:
    if _is_checkout():
        return "Run `make build`."
    return f"Run `{_PIP} --no-binary ipcbridge ipcbridge`: it builds here, with a C++20 compiler."
