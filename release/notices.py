"""What the packages say of the code of others that is in them: its licences, and a CycloneDX bill of materials."""

from __future__ import annotations

import json
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from tools import ROOT, VERSION, source_date
from zig import library


@dataclass(frozen=True)
class Bundled:
    """Code of others that is compiled into the binaries, or comes with them."""

    name: str
    version: str
    license: str
    license_file: Path
    url_type: str
    """Of its package URL: where it is from."""


def bundled(package: str, venv: Path | None = None) -> Iterator[Bundled]:
    for name in ("libcxx", "libcxxabi", "libunwind"):
        folder = library() / name
        yield Bundled(name, llvm_version(), "Apache-2.0 WITH LLVM-exception", folder / "LICENSE.TXT", "generic")
    yield Bundled("zig-compiler-rt", version("ziglang"), "MIT", library().parent / "LICENSE", "generic")
    if package == "npm":
        yield from_npm("node-addon-api", "LICENSE.md")
        yield from_npm("node-api-headers", "LICENSE")
    if venv is not None:
        [folder] = venv.glob("lib/python*/site-packages/pybind11-*.dist-info")
        of_folder = folder.name.removeprefix("pybind11-").removesuffix(".dist-info")
        yield Bundled("pybind11", of_folder, "BSD-3-Clause", next(folder.rglob("LICENSE")), "pypi")


def llvm_version() -> str:
    """Of the C++ library: 220108 is 22.1.8."""
    config = (library() / "libcxx/include/__config").read_text()
    [digits] = re.findall(r"define _LIBCPP_VERSION (\d+)", config)
    return f"{int(digits[:2])}.{int(digits[2:4])}.{int(digits[4:])}"


def from_npm(name: str, license_file: str) -> Bundled:
    folder = ROOT / "node_modules" / name
    manifest = json.loads((folder / "package.json").read_text())
    return Bundled(name, manifest["version"], manifest["license"], folder / license_file, "npm")


def write_notices(folder: Path, package: str, venv: Path | None = None) -> None:
    """Into the folders `licenses` and `sboms` of this one."""
    parts = sorted(bundled(package, venv), key=lambda part: part.name)
    for part in parts:
        into = folder / "licenses" / part.name
        into.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(part.license_file, into / part.license_file.name)
    (folder / "sboms").mkdir(exist_ok=True)
    (folder / "sboms/ipcbridge.cdx.json").write_text(bill_of_materials(package, parts) + "\n")


def bill_of_materials(package: str, parts: list[Bundled]) -> str:
    whole = component("ipcbridge", VERSION, "Apache-2.0", "npm" if package == "npm" else "pypi")
    bom = Bom(components=[component(part.name, part.version, part.license, part.url_type) for part in parts])
    bom.metadata.component = whole
    bom.register_dependency(whole, bom.components)
    # The same for the same sources: two builds are to give the same bytes.
    bom.metadata.timestamp = datetime.fromtimestamp(int(source_date()), timezone.utc)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{whole.purl} {source_date()}")
    return JsonV1Dot6(bom).output_as_string(indent=2)


def component(name: str, version: str, license: str, url_type: str) -> Component:
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        licenses=[LicenseFactory().make_from_string(license)],
        purl=PackageURL(url_type, None, name, version),
        bom_ref=f"{name}@{version}",
    )
