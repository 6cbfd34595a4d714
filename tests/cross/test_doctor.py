"""What both doctors, `npx ipcbridge doctor` and `python -m ipcbridge doctor`, say of a machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness import COMMANDS, ROOT

DOCTORS = {
    "node": [COMMANDS["node"][0], str(ROOT / "js/dist/command/main.js")],
    "python": [sys.executable, "-m", "ipcbridge"],
}
NOBODY = 65534
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


class Doctor:
    def __init__(self, kind: str) -> None:
        self._command = DOCTORS[kind]

    def command(self, *arguments: str, under: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*under, *self._command, *arguments], capture_output=True, text=True, timeout=60, check=False
        )

    def run(self, *options: str, under: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        return self.command("doctor", *options, under=under)

    def findings(self, *under: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code, and what is found by the names of the checks."""
        done = self.run("--json", under=under)
        assert not done.stderr
        return done.returncode, {each["check"]: each for each in json.loads(done.stdout)}

    def fault(self, check: str, *under: str) -> tuple[str, str]:
        """What is wrong, and the remedy."""
        code, findings = self.findings(*under)
        assert code == 1
        assert findings[check]["verdict"] == "fault", findings[check]
        return findings[check]["found"], findings[check]["remedy"]


@pytest.fixture(params=DOCTORS)
def doctor(request: pytest.FixtureRequest, directory: Path) -> Doctor:
    return Doctor(request.param)


@contextmanager
def mounted(place: Path, options: str) -> Iterator[None]:
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", str(place)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_all_is_well_where_the_tests_run(doctor: Doctor) -> None:
    done = doctor.run()
    assert (done.returncode, done.stderr) == (0, "")
    *lines, summary = done.stdout.splitlines()
    assert summary.startswith("faults: 0, ")
    assert all(line.startswith(("ok ", "warning ", "         ")) for line in lines)


def test_both_print_the_same_of_the_machine(directory: Path) -> None:
    told = {kind: Doctor(kind).findings()[1] for kind in DOCTORS}
    machine = ["platform", "core", "shared memory", "Unix sockets", "wake-ups", "path watching", "threads", "CPUs"]
    for check in machine:
        assert told["node"][check] == told["python"][check]
    assert (
        told["node"]["core"]["found"] == f"{json.loads((ROOT / 'package.json').read_text())['version']}, protocol 1.0"
    )


def test_other_arguments_are_refused_with_the_usage(doctor: Doctor) -> None:
    done = doctor.run("--repair")
    assert done.returncode == 2
    assert "usage: " in done.stderr.lower()


def test_a_word_that_is_no_command_is_named(doctor: Doctor) -> None:
    done = doctor.command("doctr")
    assert (done.returncode, done.stdout) == (2, "")
    assert "doctr" in done.stderr


def test_the_version_is_told(doctor: Doctor) -> None:
    done = doctor.command("--version")
    version = json.loads((ROOT / "package.json").read_text())["version"]
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{version}\n", "")


def test_help_tells_the_exit_codes(doctor: Doctor) -> None:
    done = doctor.run("--help")
    assert done.returncode == 0
    said = " ".join(done.stdout.split())
    assert "The exit code is 0 where there is no fault, 1 where there is one, and 2 for other arguments." in said


def test_a_directory_that_is_open_to_others(doctor: Doctor, directory: Path) -> None:
    directory.chmod(0o755)
    found, remedy = doctor.fault("names")
    assert "is open to other users" in found
    assert remedy == "set IPCBRIDGE_DIR to a directory of your own, that is for nothing else"
    done = doctor.run()
    assert done.returncode == 1
    assert "\n" + " " * 9 in done.stdout
    assert f"remedy: {remedy}\n" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("faults: 1, ")
    directory.chmod(0o700)
    assert doctor.run().returncode == 0


@needs_root
def test_a_directory_of_another_user(doctor: Doctor, directory: Path) -> None:
    os.chown(directory, NOBODY, NOBODY)
    found, remedy = doctor.fault("names")
    assert f"belongs to user {NOBODY}" in found
    assert f"run this as user {NOBODY}" in remedy


@needs_root
def test_a_directory_that_cannot_be_reached(doctor: Doctor, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPCBRIDGE_DIR", str(directory / "names"))  # of root, and open to root alone
    found, remedy = doctor.fault("names", "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    assert "Permission denied" in found
    assert f"let user {NOBODY} reach" in remedy


def test_a_read_only_directory(doctor: Doctor, directory: Path) -> None:
    with mounted(directory, "ro,mode=700"):
        found, remedy = doctor.fault("names")
    assert "Read-only file system" in found
    assert "IPCBRIDGE_DIR" in remedy


def test_a_full_directory(doctor: Doctor, directory: Path) -> None:
    with mounted(directory, "size=4096,mode=700"):
        (directory / "large").write_bytes(bytes(4096))
        code, findings = doctor.findings()
    assert code == 0
    assert findings["names"]["verdict"] == "warning"
    assert "is on a full file system; services can still listen there" in findings["names"]["found"]
    assert f"`df {directory}`" in findings["names"]["remedy"]


def test_too_few_descriptors(doctor: Doctor) -> None:
    found, remedy = doctor.fault("open files", "prlimit", "--nofile=48:48")
    assert found.startswith("at most 48: ")
    assert "ulimit -n" in remedy


def test_files_that_may_not_be_large_enough(doctor: Doctor) -> None:
    found, remedy = doctor.fault("shared memory", "prlimit", "--fsize=4096:4096")
    assert "limited to 4096 bytes" in found
    assert "ulimit -f" in remedy


def test_one_cpu_is_a_warning(doctor: Doctor) -> None:
    code, findings = doctor.findings("taskset", "-c", "0")
    assert code == 0
    assert findings["CPUs"]["verdict"] == "warning"
    assert "nobody spins" in findings["CPUs"]["found"]


@pytest.fixture
def half_a_cpu() -> Iterator[tuple[str, ...]]:
    """What starts a program in a cgroup that has half a CPU."""
    v1, v2 = (Path(f"/sys/fs/cgroup/{folder}") for folder in ("cpu/cpu.cfs_quota_us", "cgroup.subtree_control"))
    base = next((file.parent for file in (v1, v2) if os.access(file, os.W_OK)), None)
    if base is None:
        pytest.skip("needs the right to make cgroups")
    group = base / f"ipcbridge-{os.getpid()}"
    group.mkdir()
    try:
        quota = group / ("cpu.cfs_quota_us" if base == v1.parent else "cpu.max")
        if not quota.exists():
            pytest.skip("cgroups have no CPU controller here")
        quota.write_text("50000")
        yield "sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"
    finally:
        group.rmdir()


def test_a_quota_of_less_than_two_cpus_is_a_warning(doctor: Doctor, half_a_cpu: tuple[str, ...]) -> None:
    code, findings = doctor.findings(*half_a_cpu)
    assert code == 0
    assert findings["CPUs"]["verdict"] == "warning"
    assert "a quota of 0.5: nobody spins" in findings["CPUs"]["found"]


def test_a_path_that_a_terminal_would_take_for_a_command(
    doctor: Doctor, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPCBRIDGE_DIR", f"{directory}/\x1b[31m\udcff")
    code, findings = doctor.findings()
    assert code == 0
    assert findings["names"]["found"].startswith(f"{directory}/?[31m?,")
