"""What a signal handler raises during connect() or serve() leaves neither a connection nor a service behind."""

from __future__ import annotations

import gc
import sys
from types import FrameType
from typing import Any

import pytest
from children import Children

import ipcbridge as ipc

STORM = """
import random
class Alarm(Exception): pass
def on_alarm(*_): raise Alarm
signal.signal(signal.SIGALRM, on_alarm)
random.seed(7)
def interrupted(work, longest):
    'Whether the alarm came before the work was done. It comes in any case, and to this thread.'
    begun, done = threading.Lock(), False
    begun.acquire()
    def ring():
        begun.acquire()
        time.sleep(random.uniform(0, longest))
        signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)
    alarm = threading.Thread(target=ring)
    alarm.start()
    try:
        try:
            begun.release()
            work()
            done = True
        finally:
            alarm.join()
            time.sleep(0)
    except Alarm: pass
    return not done
"""


def test_connections_are_closed(children: Children, serve: Any) -> None:
    server = serve("calc", {"f": len})
    child = children.run(
        STORM
        + """
keep = None
def work():
    global keep
    keep = ipc.connect('calc')
caught = 0
while caught < 200:
    caught += interrupted(work, 0.004)
    if keep is not None: ipc.close(keep)
    keep = None
say('done')
sys.stdin.readline()
"""
    )
    child.expect("done")
    while ipc.status(server)["connections"]:  # each is closed, but its end may not have been read yet
        assert child.poll() is None
    child.go_on()
    child.rest()
    assert child.returncode == 0


def test_services_are_closed(children: Children) -> None:
    child = children.run(
        STORM
        + """
server = None
def work():
    global server
    server = ipc.serve('mine', {'f': len}, threads=2)
caught = 0
while caught < 100:
    server = None
    was_interrupted = interrupted(work, 0.01)
    caught += was_interrupted
    if server is not None: server.close()
    try:
        ipc.connect('mine', connect_timeout=0)
        say('somebody listens')
        break
    except ipc.Unavailable: pass
for thread in threading.enumerate():
    if thread.name.startswith('ipcbridge-mine') and thread.is_alive(): thread.join(60)
say('done')
"""
    )
    # What it prints to stderr is Python's own: of a thread that an exception has overtaken inside of Thread.start().
    output, errors = child.rest()
    assert output == "done\n", errors


class Stop(Exception):
    pass


def raise_at(number: int) -> Any:
    """A trace function that raises before that instruction of the library."""
    left = number

    def trace(frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal left
        if "/ipcbridge/" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left == 0:
                raise Stop
        return trace

    return trace


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_instruction_of_connect_is_too_late_to_close(serve: Any, connect: Any) -> None:
    server = serve("calc", {"f": len})
    witness, number, is_done = connect("calc"), 0, False
    gc.collect()  # a finaliser of what other tests have left would swallow what is raised in it
    # CPython 3.12 tells of instructions where a frame has asked for them before the trace function is set.
    sys._getframe().f_trace_opcodes = True
    while not is_done:
        number += 1
        old = sys.gettrace()
        sys.settrace(raise_at(number))
        try:
            calc = ipc.connect("calc")
            is_done = True
        except Stop:
            calc = None
        finally:
            sys.settrace(old)
        if calc is not None:
            ipc.close(calc)
        while ipc.status(server)["connections"] > 1:
            witness.f("")
    assert number > 100
