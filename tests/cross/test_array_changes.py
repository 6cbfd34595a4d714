"""Large arrays, and what they stand in, that change while their message is made: refused, or sent as they were."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import pytest
from programs import running

import ipcbridge as ipc

LENGTH = 20_000
SERVICES = {
    "node": "await ipc.serve(process.argv[1], { echo: (...values) => values }); console.log('ready')",
    "python": """
import sys
with ipc.serve(sys.argv[1], {"echo": lambda *values: list(values)}):
    print("ready", flush=True)
    sys.stdin.read()
""",
}


@pytest.fixture(params=["shm", "unix"])
def address(request: Any, directory: Any) -> str:
    return "echo" if request.param == "shm" else f"unix://{directory}/echo.sock"


@pytest.fixture(params=["node", "python"])
def remote(request: Any, address: str) -> Iterator[Any]:
    with running(request.param, SERVICES[request.param], address), ipc.connect(address) as remote:
        yield remote


def array(value: float = 1) -> Any:
    return numpy.full(LENGTH, value)


def is_array(value: Any, expected: float) -> bool:
    return value.shape == (LENGTH,) and bool((value == expected).all())


class Acting:
    """An array that does something when it is first asked for its memory."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._array = array(0)

    @property
    def __array_interface__(self) -> Any:
        act, self._act = self._act, lambda: None
        act()
        return self._array.__array_interface__


def test_a_list_that_shrinks_or_grows_arrives_as_it_was(remote: Any) -> None:
    changes: list[Callable[[list[Any]], object]] = [
        list.clear,
        list.pop,
        lambda items: items.extend(array(9) for _ in range(100)),
        lambda items: items.__setitem__(slice(None), [None] * 50),
    ]
    for change in changes:
        for place in range(4):
            items: list[Any] = [array(1), array(2), array(3)]
            items.insert(place, Acting(lambda items=items, change=change: change(items)))  # type: ignore[misc]
            (sent,) = remote.echo(items)
            expected = [1, 2, 3]
            expected.insert(place, 0)
            assert [each[0] for each in sent] == expected
            assert all(is_array(each, each[0]) for each in sent)


def test_a_dict_that_gains_and_loses_keys_arrives_as_it_was(remote: Any) -> None:
    changes: list[Callable[[dict[str, Any]], object]] = [
        dict.clear,
        lambda pairs: pairs.update({f"more {number}": array(9) for number in range(100)}),
        lambda pairs: pairs.update(dict.fromkeys(pairs, array(8))),
        lambda pairs: pairs.pop("b", None),
    ]
    for change in changes:
        pairs: dict[str, Any] = {"a": array(1), "acting": None, "b": array(2), "c": array(3)}
        pairs["acting"] = Acting(lambda pairs=pairs, change=change: change(pairs))  # type: ignore[misc]
        (sent,) = remote.echo(pairs)
        assert {name: each[0] for name, each in sent.items()} == {"a": 1, "acting": 0, "b": 2, "c": 3}


def test_bytes_cannot_be_resized_between_their_turn_and_their_copy(remote: Any) -> None:
    data = bytearray(b"x" * 100_000)
    with pytest.raises(ipc.IpcError, match=r"args\[1\] cannot be sent: .*BufferError"):
        remote.echo(data, Acting(lambda: data.extend(b"more")))
    assert len(data) == 100_000
    data.extend(b"more")  # nothing holds it any more
    sent = remote.echo(Acting(lambda: data.extend(b"again")), data)
    assert bytes(sent[1]) == b"x" * 100_000 + b"more" + b"again"


def test_what_raises_behind_arrays_leaves_nothing_of_them_in_the_next_message(remote: Any) -> None:
    def fail() -> None:
        raise LookupError("no memory today")

    data = bytearray(100_000)
    with pytest.raises(ipc.IpcError, match=r"args\[2\] cannot be sent: .*LookupError"):
        remote.echo(array(7), data, Acting(fail))
    data.append(1)
    assert is_array(remote.echo(array(2))[0], 2)


def test_calls_that_are_made_meanwhile_carry_arrays_of_their_own(remote: Any) -> None:
    inner: list[Any] = []

    def calling() -> Acting:
        return Acting(lambda: inner.append(remote.echo(array(5), b"y" * 50_000)))

    sent = remote.echo(array(1), calling(), array(2), [calling(), array(3)])
    assert [sent[0][0], sent[2][0], sent[3][1][0]] == [1, 2, 3]
    assert len(inner) == 2
    assert all(is_array(each, 5) and bytes(data) == b"y" * 50_000 for each, data in inner)


def test_memory_of_alloc_that_is_released_meanwhile_is_no_crash(remote: Any) -> None:
    block = ipc.alloc(LENGTH, "float64")
    block[:] = 4
    sent = remote.echo(block, Acting(lambda: ipc.release(block)), array(2))
    assert sent[0].shape == (LENGTH,)
    assert is_array(sent[2], 2)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="from Python 3.12 on classes of one's own have buffers")
def test_a_buffer_that_changes_its_list_when_it_is_asked_for(remote: Any) -> None:
    class Buffer:
        def __buffer__(self, flags: int) -> memoryview:
            items.clear()
            return memoryview(array(6))

    items: list[Any] = [array(1), Buffer(), array(2)]
    (sent,) = remote.echo(items)
    assert [each[0] for each in sent] == [1, 6, 2]


def test_threads_that_change_what_is_sent_meanwhile(remote: Any) -> None:
    done = threading.Event()
    items: list[Any] = [array(number) for number in range(20)]
    pairs: dict[str, Any] = {str(number): array(number) for number in range(20)}
    data = bytearray(b"z" * 400_000)  # is copied without the GIL

    def change() -> None:
        while not done.is_set():
            del items[10:]
            items.extend(array(number) for number in range(10, 20))
            pairs.pop("19", None)
            pairs["19"] = array(19)
            pairs["more"] = array(20)
            del pairs["more"]
            try:
                data.extend(b"z")
                del data[-1:]
            except BufferError:
                pass  # it is being sent

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(100):
            sent_items, sent_pairs, sent_data = remote.echo(items, pairs, data)
            assert 10 <= len(sent_items) <= 20
            assert all(is_array(each, number) for number, each in enumerate(sent_items))
            assert all(is_array(each, 20 if name == "more" else int(name)) for name, each in sent_pairs.items())
            assert bytes(sent_data) in (b"z" * 400_000, b"z" * 400_001)
    finally:
        done.set()
        thread.join()
