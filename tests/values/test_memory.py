"""Where there is not enough memory for a value, that call fails; everything else goes on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif("IPCBRIDGE_SANITIZED" in os.environ, reason="a sanitizer needs address space itself")

_CHILD = """
import resource
from ipcbridge._errors import IpcError
from ipcbridge._values import decode, decode_args, encode_args, encode_result

block = "é" * (1 << 20)
uses = {uses}
encode_result([b"warm", bytearray()])  # what is imported late is there
for use in uses:
    use(1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (16 << 20),) * 2)
for use in uses:
    for _ in range(3):
        try:
            use(1 << 10)
        except IpcError as error:
            print(error.code, "memory" in str(error))
    assert decode(encode_result([1, "a"])) == [1, "a"]
"""

_USES = {
    "strings": "[lambda n: encode_result([block] * n)]",
    "arguments": "[lambda n: encode_args(([block] * n,), {}), lambda n: encode_args((), {'a': [block] * n})]",
    "a set": "[lambda n: encode_result({1: tuple([block] * n)})]",
}


@pytest.mark.parametrize("uses", _USES.values(), ids=_USES)
def test_encoding_without_memory(uses: str) -> None:
    child = subprocess.run([sys.executable, "-c", _CHILD.format(uses=uses)], capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    lines = child.stdout.splitlines()
    assert len(lines) >= 3
    assert set(lines) == {"resource_exhausted True"}


_DECODING = {
    "lists": "b'\\xdd\\x00\\x10\\x00\\x00' + b'\\x90' * (1 << 20)",
    "floats": "b'\\xdd\\x00\\x10\\x00\\x00' + (b'\\xcb\\x3f' + bytes(7)) * (1 << 20)",
    "a set": "b'\\xc9\\x00\\x50\\x00\\x05\\x02\\xdd\\x00\\x10\\x00\\x00' + b''.join(b'\\xce' + "
    "(0xFF << 24 | i).to_bytes(4, 'big') for i in range(1 << 20))",
    "bytes": "b'\\xc6\\x04\\x00\\x00\\x00' + bytes(1 << 26)",
}


@pytest.mark.parametrize("message", _DECODING.values(), ids=_DECODING)
def test_decoding_without_memory(message: str) -> None:
    code = _CHILD.format(uses="[]").replace("used = ", f"message = {message}\nused = ")
    code += """
for use in (lambda: decode(message), lambda: decode_args(b"\\x91" + message[:1000]), lambda: decode(message)):
    try:
        use()
    except IpcError as error:
        print(error.code)
assert decode(encode_result([1, "a"])) == [1, "a"]
"""
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    assert child.stdout.split() == ["resource_exhausted", "data_loss", "resource_exhausted"]
