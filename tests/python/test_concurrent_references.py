"""Threads that pass and receive references at the same time, the first of their process among them."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from children import Children

import ipcbridge as ipc
from ipcbridge._references.owned import Owned

THREADS = 16


@pytest.fixture(params=["shm", "unix"])
def address(request: pytest.FixtureRequest, names_directory: Path) -> str:
    return f"{request.param}://{names_directory}/calc.socket"


GIVERS = """
    from ipcbridge._references import blocking

    class Account:
        def balance(self):
            return 5

    sys.setswitchinterval(1e-6)
    account = Account()
    calc = ipc.connect({address!r})
    together = threading.Barrier({threads})

    def give():
        together.wait()
        calc.keep(ipc.proxy(account))

    threads = [threading.Thread(target=give) for _ in range({threads})]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    say('given')
    sys.stdin.readline()
    end = time.monotonic() + 60
    while any(owned.count() for owned in blocking._owned()) and time.monotonic() < end:
        time.sleep(0.001)
    say([owned.count() for owned in blocking._owned()])
"""


def test_threads_that_pass_one_object_at_the_same_time_pass_one_reference(
    address: str, serve: Any, children: Children
) -> None:
    kept: list[Any] = []
    serve(address, {"keep": kept.append}, threads=THREADS)
    giver = children.run(GIVERS.format(address=address, threads=THREADS))
    giver.expect("given")
    assert len(kept) == THREADS
    assert {id(account) for account in kept} == {id(kept[0])}
    assert ipc.with_options(kept[0], timeout=60).balance() == 5
    ipc.release(kept[0])
    giver.go_on()
    giver.expect("[0]")


def test_threads_that_receive_one_reference_count_each_time(address: str, serve: Any) -> None:
    class Account:
        def balance(self) -> int:
            return 5

    account = Account()
    serve(address, {"account": lambda: ipc.proxy(account)}, threads=THREADS)
    with ipc.connect(address) as calc:
        for _ in range(20):
            together = threading.Barrier(THREADS)
            received: list[Any] = []

            def receive(together: threading.Barrier = together, received: list[Any] = received) -> None:
                together.wait()
                received.append(calc.account())

            threads = [threading.Thread(target=receive) for _ in range(THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert {id(each) for each in received} == {id(received[0])}
            ipc.release(received[0])
            with pytest.raises(ipc.IpcError, match="is gone"):
                received[0].balance()


def test_a_function_that_ends_while_somebody_begins_to_call_it_is_not_kept() -> None:
    class Function:
        """Whoever looks at its parameters is kept until its call has ended."""

        @property
        def __signature__(self) -> None:
            owned.end([number])

        def __call__(self) -> None: ...

    owned = Owned(None, lambda _call, _work: None, lambda: None)
    number, _, _ = owned.share(Function(), retained_only=False, functions={})
    assert owned.count() == 1
    call: Any = SimpleNamespace(reference=number, number=0, answer_with=lambda *_: None)
    owned.begin(call)
    assert owned.count() == 0
