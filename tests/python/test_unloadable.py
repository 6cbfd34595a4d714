"""An extension module that does not load: what the import says, and the doctor."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
from copies import Copy

from ipcbridge import __version__
from ipcbridge._elf import is_truncated
from ipcbridge._native import __file__ as EXTENSION  # noqa: N812
from ipcbridge._unloadable import find_fault


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_the_installed_one_is_whole() -> None:
    assert not is_truncated(EXTENSION)


def test_a_copy_is_what_is_imported(copy: Copy) -> None:
    done = copy.run("-c", "import ipcbridge; print(ipcbridge.__file__)")
    assert done.stdout.strip() == str(copy.package / "__init__.py")


@pytest.mark.parametrize("part", ["in its header", "behind its header", "in the middle", "by one byte"])
def test_one_that_is_cut_off_ends_no_process(copy: Copy, part: str) -> None:
    size = copy.module.stat().st_size
    lengths = {"in its header": 40, "behind its header": 100, "in the middle": size // 2, "by one byte": size - 1}
    os.truncate(copy.module, lengths[part])
    text = copy.refusal()
    assert "does not load: the file is truncated.\n" in text
    assert f"\n  tried: {copy.module}\n" in text
    assert "\n  platform: Linux " in text
    assert f"\nRun `{sys.executable} -m pip install --force-reinstall ipcbridge`." in text


@pytest.mark.parametrize("table", [32, 40])  # where the header says where the segments are, and where the sections
@pytest.mark.parametrize("offset", [1 << 40, 1 << 63, (1 << 64) - 1])
def test_one_that_says_that_a_table_lies_beyond_its_end(copy: Copy, table: int, offset: int) -> None:
    content = bytearray(copy.module.read_bytes())
    content[table : table + 8] = offset.to_bytes(8, "little")
    copy.module.write_bytes(content)
    assert "does not load: the file is truncated.\n" in copy.refusal()


def test_one_that_is_empty_or_something_else(copy: Copy) -> None:
    for content in (b"", b"<html>404 Not Found</html>" * 100):
        copy.module.write_bytes(content)
        text = copy.refusal()
        assert "does not load: the file is no ELF library.\n" in text
        assert f"\n  tried: {copy.module}\n" in text


def test_one_for_another_processor(copy: Copy) -> None:
    content = bytearray(copy.module.read_bytes())
    content[18:20] = (183 if content[18] == 62 else 62).to_bytes(2, "little")
    copy.module.write_bytes(content)
    assert re.search(r"does not load: the library is for \w+, and this interpreter is of \w+\.\n", copy.refusal())


def test_one_for_another_c_library(copy: Copy) -> None:
    content = copy.module.read_bytes().replace(b"\0libc.so.6\0", b"\0libc.so\0\0\0")
    copy.module.write_bytes(content)
    assert "does not load: the library is for musl, and this interpreter runs with glibc.\n" in copy.refusal()


def test_one_in_want_of_a_library(copy: Copy) -> None:
    content = copy.module.read_bytes().replace(b"\0libstdc++.so.6\0", b"\0libnowhere.so\0\0")
    copy.module.write_bytes(content)
    assert "does not load: the library libnowhere.so is missing.\n" in copy.refusal()


def test_a_python_without_ssl_imports_everything(copy: Copy) -> None:
    code = """if True:
        import sys
        class WithoutSsl:
            def find_spec(self, name, path, target=None):
                if name in ("ssl", "_ssl", "hashlib", "_hashlib"):
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        sys.meta_path.insert(0, WithoutSsl())
        import asyncio
        from ipcbridge import aio
        async def main():
            async with await aio.serve("no-ssl", {"add": lambda a, b: a + b}):
                async with await aio.connect("no-ssl") as calc:
                    print(await calc.add(2, 3))
        asyncio.run(main())
    """
    done = copy.run("-c", code)
    assert (done.stdout, done.stderr) == ("5\n", "")


@pytest.mark.parametrize("version", [__version__, f"{__version__[:-1]}{(int(__version__[-1]) + 1) % 10}"])
def test_two_copies_in_one_process_call_each_other(copy: Copy, version: str) -> None:
    vendored = copy.package.parent / "vendored"
    vendored.mkdir()
    shutil.copytree(copy.package, vendored / "ipcbridge")
    copy.set_version(version)
    code = """if True:
        import ipcbridge as one
        from vendored import ipcbridge as two
        assert one._native.__file__ != two._native.__file__
        print(one.__version__, two.__version__)
        for serving, calling in ((one, two), (two, one)):
            with serving.serve("copies", {"add": lambda a, b: a + b}), calling.connect("copies") as calc:
                print(calc.add(2, 3))
    """
    done = copy.run("-c", code)
    assert (done.stdout, done.stderr) == (f"{version} {__version__}\n5\n5\n", "")


def test_one_for_another_python_is_named(copy: Copy) -> None:
    other = copy.module.with_name("_native.cpython-38-x86_64-linux-gnu.so")
    copy.module.rename(other)
    text = copy.refusal()
    assert f"{copy.package} has {other.name}, and this Python takes _native{EXTENSION_SUFFIXES[0]}.\n" in text


def test_one_of_another_version_than_the_package(tmp_path: Path) -> None:
    copy = Copy(tmp_path / "python")
    installed = copy.package.parent / "ipcbridge-9.9.9.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: ipcbridge\nVersion: 9.9.9\n")

    def found() -> tuple[str, str]:
        code, findings = copy.doctor()
        assert code == 1
        return findings["package"]["found"], findings["package"]["remedy"]

    cause = f"ipcbridge 9.9.9 in {copy.package}, and its native module is {__version__}"
    assert found() == (cause, f"Run `{sys.executable} -m pip install --force-reinstall ipcbridge`.")
    (tmp_path / "CMakeLists.txt").touch()
    assert found() == (cause, "Run `make build`.")


def test_none_at_all(copy: Copy) -> None:
    copy.module.unlink()
    assert f"there is none in {copy.package}" in copy.refusal()


def test_one_that_needs_a_newer_glibc(copy: Copy) -> None:
    content = copy.module.read_bytes()
    needed = max(set(_versions(content)), key=lambda version: (len(version), version))
    # The hash that stands beside the name is not looked at for versions that are missing.
    copy.module.write_bytes(
        content.replace(b"\0" + needed + b"\0", b"\0" + b"GLIBC_9.99".ljust(len(needed), b"9") + b"\0")
    )
    text = copy.refusal()
    assert "needs glibc with GLIBC_9.99" in text
    assert "--no-binary ipcbridge" in text


def _versions(content: bytes) -> list[bytes]:
    return [name for name in content.split(b"\0") if name.startswith(b"GLIBC_2.") and len(name) >= 10]


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_one_that_may_not_be_read(copy: Copy) -> None:
    for folder in copy.package.parents:
        if not folder.stat().st_mode & 1:
            folder.chmod(folder.stat().st_mode | 0o055)
    copy.module.chmod(0o600)
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    text = copy.refusal(*nobody)
    assert "does not load: this user may not read it.\n" in text
    assert f"chmod -R a+rX '{copy.package}'" in text


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_a_folder_that_is_mounted_noexec(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "noexec", "none", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be mounted")
    try:
        text = Copy(tmp_path).refusal()
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)
    assert "mounted noexec" in text
    assert "mount -o remount,exec" in text


def test_the_command_line_is_known_to_a_python_that_does_not_keep_it(copy: Copy) -> None:
    code = "import sys; kept = sys.orig_argv; del sys.orig_argv; from ipcbridge._doctor import command_line; "
    done = copy.run("-c", code + "print(command_line() == kept, kept[-1])", "doctor")
    assert (done.stdout, done.stderr) == ("True doctor\n", "")


def test_another_interpreter_or_system_is_told_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ModuleNotFoundError("No module named 'ipcbridge._native'")
    monkeypatch.setattr(platform, "python_implementation", lambda: "PyPy")
    assert re.match(r"this is PyPy [\d.]+, and ipcbridge is for CPython", find_fault(error, None).cause)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert find_fault(error, None).cause == "ipcbridge runs on Linux"


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (
            "libfoo.so.1: cannot open shared object file: No such file or directory",
            "the library libfoo.so.1 is missing",
        ),
        (
            "/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /x/_native.so)",
            "it needs libstdc++ with GLIBCXX_3.4.32, and the one here is older",
        ),
    ],
)
def test_what_the_dynamic_loader_says_is_understood(message: str, cause: str) -> None:
    assert find_fault(ImportError(message), "/x/_native.so").cause == cause
