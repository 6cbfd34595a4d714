"""A process ends when its main thread does: with the right exit code, without a crash, and soon."""

from __future__ import annotations

import sys

import pytest
from children import Children

# What the programs call besides.
SERVICE = """
def eat(items):
    for item in items: pass
def call_on_and_on(function):
    while True: function()
def begin(function):
    threading.Thread(target=call_on_and_on, args=[function], daemon=True).start()
service.update(eat=eat, call_on_and_on=call_on_and_on, begin=begin, count=lambda: ipc.stream(itertools.count()),
               thing=lambda: ipc.proxy(threading.Event()))
"""
# The interpreter ends, and its daemon threads with it, while this is deleted: what still comes for them comes then.
LATE = """
class Late:
    def __init__(self): self.sleep = time.sleep
    def __del__(self): self.sleep(0.2)
late = Late()
begun = threading.Event()
calc = ipc.connect('calc')
"""

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
    "a daemon thread that makes the items of a stream": LATE
    + """
def items():
    for i in itertools.count():
        begun.set()
        yield i
threading.Thread(target=lambda: calc.eat(items()), daemon=True).start()
begun.wait()
""",
    "a daemon thread that reads a stream": LATE
    + """
def read():
    for item in calc.count(): begun.set()
threading.Thread(target=read, daemon=True).start()
begun.wait()
""",
    "a daemon thread whose callback is called on and on": LATE
    + """
threading.Thread(target=lambda: calc.call_on_and_on(begun.set), daemon=True).start()
begun.wait()
""",
    "a callback in progress": LATE
    + """
def callback():
    begun.set()
    time.sleep(60)
threading.Thread(target=lambda: calc.call_on_and_on(callback), daemon=True).start()
begun.wait()
""",
    "a retained callback that is called on and on": LATE
    + """
calc.begin(ipc.retain(begun.set))
begun.wait()
""",
    "streams, references and submitted calls": LATE
    + """
stream, thing, call = iter(calc.count()), calc.thing(), ipc.submit(calc).sleep(60)
next(stream)
thing.set()
""",
    "a stream that nobody reads on": LATE
    + """
server = ipc.serve('mine', {'count': lambda: ipc.stream(itertools.count())})
mine = ipc.connect('mine')
stream = iter(mine.count())
next(stream)
ipc.close(mine)
""",
    "streams of asyncio": """
async def main():
    calc = await aio.connect('calc')
    stream = aiter(calc.count())
    await anext(stream)
    asyncio.create_task(calc.eat(ipc.stream(itertools.count())))
    await anext(stream)
asyncio.run(main())
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
    children.serve("calc", SERVICE)
    child = children.run(PROGRAMS[program] + f"\nsys.exit({code})")
    output, errors = child.rest()
    assert (child.returncode, output, errors) == (code, "", "")


# What a daemon thread raises once the library has ended, and whether anybody is told.
RAISED = {
    "ipc.Unavailable('lost')": False,
    "ipc.IpcError('cancelled', 'the client was closed')": False,
    "ipc.IpcError('failed_precondition', 'the client is closed')": False,
    "ipc.IpcError('failed_precondition', 'no key')": True,
    "ipc.IpcError('invalid_argument', 'no number')": True,
    "ipc.RemoteError('unavailable', 'no database')": True,
    "type('Lost', (ipc.Unavailable,), {})('of the program')": True,
}


@pytest.mark.parametrize("has_hook", [False, True], ids=["printed", "hook"])
@pytest.mark.parametrize("error", RAISED)
def test_the_end_hides_nothing_from_users_but_what_it_causes(error: str, has_hook: bool, children: Children) -> None:
    child = children.run(
        f"""
from ipcbridge._process import process as _process
if {has_hook}:
    threading.excepthook = lambda told: say(repr(told.exc_value))
over = threading.Event()
def fail():
    over.wait()
    raise {error}
thread = threading.Thread(target=fail, daemon=True)
thread.start()
def go_on():
    over.set()
    thread.join()
_process.call_at_exit(go_on)
_process.current()  # or there is nothing to end
"""
    )
    output, errors = child.rest()
    assert child.returncode == 0
    assert bool(output) == (RAISED[error] and has_hook)
    assert ("Traceback" in errors) == (RAISED[error] and not has_hook)


AT_EXIT = {
    "calls": "say([calc.add(1, 2), list(itertools.islice(calc.count(), 3))])",
    "connects anew": "with ipc.connect('calc') as again: say(again.add(1, 2))",
    "serves": """
        with ipc.serve('mine', {'call': lambda function: function()}), ipc.connect('mine') as mine:
            say(mine.call(lambda: 'called'))
""",
    "runs asyncio": """
        async def main():
            async with aio.connect('calc') as again: return await again.add(1, 2)
        say(asyncio.run(main()))
""",
    "closes": "calc.add(1); ipc.close(calc); server.close(); say('closed')",
    "submits": "say(ipc.submit(calc).add(2, 3).result())",
    "leaves a call in flight": "ipc.submit(calc).sleep(60); say('left')",
}
SAID = {"calls": "[3, [0, 1, 2]]", "connects anew": "3", "serves": "called", "runs asyncio": "3"}
SAID |= {"closes": "closed", "submits": "5", "leaves a call in flight": "left"}


# Python 3.12 alone starts no thread any more by then.
WITHOUT_THREADS = ["calls", "closes"]


@pytest.mark.parametrize("what", WITHOUT_THREADS if sys.version_info[:2] == (3, 12) else AT_EXIT)
def test_a_function_of_atexit(what: str, children: Children) -> None:
    children.serve("calc", SERVICE)
    work = AT_EXIT[what].strip()
    child = children.run(
        f"""
import atexit
server, calc = ipc.serve('other', {{'f': len}}), ipc.connect('calc')
@atexit.register
def last():
        {work}
calc.add(1)
"""
    )
    child.expect(SAID[what])
    assert child.rest() == ("", "")
    assert child.returncode == 0


def test_a_function_that_atexit_calls_after_the_library_is_told_so(children: Children) -> None:
    children.serve("calc")
    child = children.run_bare(
        """
        import atexit
        def last():
            for use in (lambda: calc.add(1), lambda: ipc.submit(calc).add(1)):
                try: use()
                except ipc.IpcError as error: say(error)
        atexit.register(last)  # before the import, so that it is called after what that registers
        import ipcbridge as ipc
        calc = ipc.connect('calc')
        calc.add(1)
        """
    )
    for _ in range(2):
        assert child.line().startswith("the interpreter is shutting down")
    assert child.rest() == ("", "")
    assert child.returncode == 0
