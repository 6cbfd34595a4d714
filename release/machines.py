"""The machines for which there are binaries."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    name: str
    """Of its folder in the npm package: platform and architecture in Node's words, and the C library."""
    target: str
    """In zig's words, with the oldest glibc that will do."""
    python_platform: str
    """What Python's sysconfig says there, as in the name of a wheel."""
    soabi: str
    """The end of Python's own SOABI there."""
    musllinux: str | None = None
    """With musl, what a wheel is for, as in its name."""


MACHINES = [
    Machine("linux-x64-glibc", "x86_64-linux-gnu.2.28", "linux-x86_64", "x86_64-linux-gnu"),
    Machine("linux-arm64-glibc", "aarch64-linux-gnu.2.28", "linux-aarch64", "aarch64-linux-gnu"),
    Machine("linux-x64-musl", "x86_64-linux-musl", "linux-x86_64", "x86_64-linux-musl", "musllinux_1_2_x86_64"),
]
