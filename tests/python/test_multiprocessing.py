"""Processes of multiprocessing by each of its start methods, which call and serve."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

METHODS = ["fork", "forkserver", "spawn"]
PROGRAM = """
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

import ipcbridge as ipc

calc = ipc.connect("calc", lazy=True, reconnect_after_fork=True)
add = calc.add


def work(number):
    with ipc.connect("calc") as own:
        return [calc.add(number), add(number), own.add(number)]


def use(handle):
    return handle


def serve(is_up):
    server = ipc.serve("child", {"f": len})
    is_up.set()
    server.wait()


def refusal(pool, handle):
    try:
        return pool.apply(use, [handle])
    except TypeError as error:
        return str(error).partition(":")[0]


if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with ipc.serve("calc", {"add": lambda a, b=0: a + b}) as server:
        print(calc.add(1, 2))
        with context.Pool(2) as pool:
            print(pool.map(work, range(3)))
            for handle in (calc, server):
                print(refusal(pool, handle))
        with ProcessPoolExecutor(2, mp_context=context) as executor:
            print(list(executor.map(work, range(3))))
        is_up = context.Event()
        child = context.Process(target=serve, args=[is_up])
        child.start()
        is_up.wait()
        with ipc.connect("child") as remote:
            print(remote.f("abc"))
            child.terminate()
            child.join()
        print(child.exitcode)
"""
PRINTED = """3
[[0, 0, 0], [1, 1, 1], [2, 2, 2]]
a proxy cannot be pickled or copied
a server cannot be pickled or copied
[[0, 0, 0], [1, 1, 1], [2, 2, 2]]
3
143
"""


@pytest.mark.parametrize("method", METHODS)
def test_children_call_and_serve(method: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run([sys.executable, program, method], capture_output=True, text=True, timeout=110)
    assert (done.stdout, done.stderr, done.returncode) == (PRINTED, "", 0)
