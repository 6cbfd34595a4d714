"""The notebook of docs/recipes.md in a real kernel: it serves and calls, and is called between its cells."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from harness import HERE, ROOT, Peer

import ipcbridge as ipc

Make = Callable[..., Peer]
Run = Callable[[str], str]
_NOTEBOOK = re.search(r"```python\n(# notebook\.py\n.*?)```", (ROOT / "docs" / "recipes.md").read_text(), re.DOTALL)
assert _NOTEBOOK is not None
CELLS = ["#" + cell for cell in _NOTEBOOK[1].split("# %%")[1:]]
_PRINTED = re.compile(r"^print\(.*\)  # (.+)$", re.MULTILINE)
NESTED = """
import asyncio
async def nested(x):
    return asyncio.get_running_loop().run_until_complete(halves.half(x))
nesting, blocking = await aio.serve('nesting', {'nested': nested}), ipc.serve('blocking', {'half': half})
nests = await aio.connect('nesting')
print(asyncio.run(nests.nested(8)), await nests.nested(4), ipc.connect('blocking').half(2))
"""


@pytest.fixture
def run(directory: object) -> Iterator[Run]:
    """Runs a cell, and returns what it prints."""
    kernel = subprocess.Popen(
        [sys.executable, str(HERE / "peers" / "kernel.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def run(cell: str) -> str:
        assert kernel.stdin is not None
        assert kernel.stdout is not None
        kernel.stdin.write(json.dumps(cell) + "\n")
        kernel.stdin.flush()
        said: str = json.loads(kernel.stdout.readline() or json.dumps(kernel.communicate()[1]))
        return said

    yield run
    kernel.communicate(timeout=60)  # the end of its input ends it, and the kernel with it
    assert kernel.returncode == 0


@pytest.mark.parametrize("nest", [False, True], ids=["plain", "nest_asyncio"])
def test_a_notebook_serves_and_calls(nest: bool, run: Run, peers: Make) -> None:
    client, server = peers("node"), peers("node")
    server.do("serve", **{"as": "s"}, address="calc")
    if nest:
        assert run("import nest_asyncio; nest_asyncio.apply()") == ""
    for cell in CELLS:
        assert run(cell).splitlines() == _PRINTED.findall(cell)
    with ipc.connect("notebook") as notebook, ipc.connect("async-notebook") as halves:
        assert (notebook.double(2), halves.half(3)) == (4, 1.5)
    client.do("connect", **{"as": "c"}, address="notebook")
    assert client.do("call", on="c", method="double", args=[4]) == 8
    assert run(CELLS[0].replace("2 * x", "3 * x")) == ""
    while client.do("call", on="c", method="double", args=[4]) != 12:
        pass  # it is told of the next server
    assert "failed_precondition" in run(
        "try: ipc.connect('async-notebook').half(1)\nexcept ipc.IpcError as error: print(error.code)"
    )
    if nest:
        assert run(NESTED) == "4.0 2.0 1.0\n"
