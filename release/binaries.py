"""What holds for every binary that is released."""

from __future__ import annotations

import sys
from pathlib import Path

from elftools.elf.elffile import ELFFile
from machines import Machine

OLDEST_GLIBC = (2, 28)
# Of the C library. Everything else is inside.
GLIBC_FILES = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"}
LOADERS = {"x64": "ld-linux-x86-64.so.2", "arm64": "ld-linux-aarch64.so.1"}
ENTRIES = {"PyInit__native", "napi_register_module_v1", "node_api_module_get_api_version_v1", "ipcbridge_module"}
ELF_MACHINES = {"x64": "EM_X86_64", "arm64": "EM_AARCH64"}


def check_binary(file: Path, machine: Machine) -> None:
    with file.open("rb") as stream:
        problems = problems_of(ELFFile(stream), machine)
    if problems:
        sys.exit(f"release: {file}\n" + "\n".join(f"  {problem}" for problem in problems))


def problems_of(elf: ELFFile, machine: Machine) -> list[str]:
    _, arch, libc = machine.name.split("-")
    dynamic = list(elf.get_section_by_name(".dynamic").iter_tags())
    needed = {tag.needed for tag in dynamic if tag.entry.d_tag == "DT_NEEDED"}
    allowed = {*GLIBC_FILES, LOADERS[arch]} if libc == "glibc" else {"libc.so"}
    symbols = [symbol for symbol in elf.get_section_by_name(".dynsym").iter_symbols() if symbol.name]
    undefined = {symbol.name for symbol in symbols if symbol.entry.st_shndx == "SHN_UNDEF"}
    exported = {symbol.name for symbol in symbols} - undefined
    problems = [f"needs {name}" for name in sorted(needed - allowed)]
    problems += [f"needs {version}" for version in glibc_versions(elf) if number(version) > OLDEST_GLIBC]
    # Of C the interpreter has some; whatever is mangled is C++ and should be inside.
    problems += [f"lacks {name}" for name in sorted(undefined) if name.startswith("_Z")]
    problems += [f"exports {name}" for name in sorted(exported - ENTRIES)]
    if not exported & ENTRIES:
        problems.append("has no entry point")
    if elf.header.e_machine != ELF_MACHINES[arch]:
        problems.append(f"is of {elf.header.e_machine}")
    if any(section.name == ".symtab" or section.name.startswith(".debug") for section in elf.iter_sections()):
        problems.append("is not stripped")
    problems += [f"has a {tag.entry.d_tag}" for tag in dynamic if tag.entry.d_tag in ("DT_RPATH", "DT_RUNPATH")]
    return problems


def glibc_versions(elf: ELFFile) -> list[str]:
    section = elf.get_section_by_name(".gnu.version_r")
    if section is None:
        return []
    names = {version.name for _, versions in section.iter_versions() for version in versions}
    return sorted(name for name in names if name.startswith("GLIBC_2."))


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.removeprefix("GLIBC_").split("."))
