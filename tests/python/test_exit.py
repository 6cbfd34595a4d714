"""A process ends when its main thread does: with the right exit code, without a crash, and soon."""

from __future__ import annotations

import pytest
from children import Children

PROGRAMS = {
    "nothing": "",
    "a proxy": "calc = ipc.connect('calc'); calc.add(1)",
    "a server": "server = ipc.serve('mine', {'f': len})",
    "an async handler in progress": """
async def wait():
    await asyncio.sleep(60)
server = ipc.serve('mine', {'wait': wait})
mine = ipc.connect('mine')
ipc.notify(mine).wait()
ipc.describe(mine)
""",
    "a daemon thread in a call": """
calc = ipc.connect('calc')
threading.Thread(target=lambda: calc.sleep(60), daemon=True).start()
while ipc.status(calc)['pending_calls'] == 0: time.sleep(0.001)
""",
    "a daemon thread that calls on and on": """
calc = ipc.connect('calc')
def calls():
    while True: calc.add(1)
threading.Thread(target=calls, daemon=True).start()
while ipc.status(calc)['pending_calls'] == 0: time.sleep(0.001)
""",
    "a daemon thread that encodes its arguments": """
import dataclasses
from ipcbridge._process import process as _process
calc = ipc.connect('calc')
encoding, over, failed = (threading.Event() for _ in range(3))
@dataclasses.dataclass
class Slow:
    value: int = 1
    def __getattribute__(self, name):
        if name == 'value':
            encoding.set()
            over.wait()
        return object.__getattribute__(self, name)
def call():
    try: calc.echo(Slow())
    except ipc.IpcError: failed.set()
threading.Thread(target=call, daemon=True).start()
encoding.wait()
def go_on():
    over.set()
    assert failed.wait(60)
_process.call_at_exit(go_on)  # when there is nothing to send with any more
""",
    "a handler in progress": """
server = ipc.serve('mine', {'sleep': time.sleep})
mine = ipc.connect('mine')
ipc.notify(mine).sleep(0.3)
while ipc.status(server)['busy_workers'] == 0: time.sleep(0.001)
""",
    "a handler that never ends": """
server = ipc.serve('mine', {'sleep': time.sleep})
mine = ipc.connect('mine')
ipc.notify(mine).sleep(600)
while ipc.status(server)['busy_workers'] == 0: time.sleep(0.001)
""",
    "an asyncio call in flight": """
async def main():
    calc = await aio.connect('calc')
    asyncio.create_task(calc.sleep(60))
    await calc.add(1)
asyncio.run(main())
""",
    "an asyncio server": """
async def main():
    async def wait(): await asyncio.sleep(60)
    server = await aio.serve('mine', {'wait': wait, 'f': len})
    mine = await aio.connect('mine')
    call = asyncio.create_task(mine.wait())
    assert await mine.f('abc') == 3
asyncio.run(main())
""",
    "a loop that was not closed": """
loop = asyncio.new_event_loop()
async def main():
    global calc
    calc = await aio.connect('calc')
    await calc.add(1)
loop.run_until_complete(main())
""",
}


@pytest.mark.parametrize("code", [0, 7])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_process_exits_with(program: str, code: int, children: Children) -> None:
    children.serve("calc")
    child = children.run(PROGRAMS[program] + f"\nsys.exit({code})")
    output, errors = child.rest()
    assert (child.returncode, output, errors) == (code, "", "")
