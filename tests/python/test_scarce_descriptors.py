"""A service for which there are not enough descriptors says so, or works."""

from __future__ import annotations

import pytest
from children import Children

SCARCE = """
import resource

async def wait(x):
    await asyncio.sleep(0)
    return x

kept = ipc.serve("kept", {"echo": lambda x: x})
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 1024))
held = []
try:
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
for _ in range(%d):
    os.close(held.pop())
try:
    made = ipc.serve("first", {"wait": wait, "echo": lambda x: x})
except ipc.IpcError as error:
    assert error.code == "resource_exhausted", error
    made = None
while held:
    os.close(held.pop())
if made is not None:
    with ipc.connect("first") as calc:
        assert ipc.with_options(calc, timeout=20).wait(1) == 1
with ipc.serve("second", {"wait": wait}), ipc.connect("second") as calc:
    assert ipc.with_options(calc, timeout=20).wait(2) == 2
say("none" if made is None else "made")
"""


@pytest.mark.parametrize("left", range(14))
def test_a_service_for_which_there_are_too_few_is_refused_and_the_next_one_works(children: Children, left: int) -> None:
    said, complaints = children.run(SCARCE % left).rest()
    assert complaints == ""
    assert said.strip() == "made" if left >= 12 else said.strip() in ("none", "made")
