"""Random values go from Python to a Node process and back, as bytes over pipes."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Callable

import pytest
from value_notation import CLOCK_EPOCH, EPOCH, HERE, show

from ipcbridge._errors import IpcError
from ipcbridge._values import decode, decode_args, decode_error, encode_args, encode_error, encode_result

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs node")

Send = Callable[[list[bytes]], list[bytes]]


@contextmanager
def peer(kind: str) -> Iterator[Send]:
    """peer.mjs, as a function from messages to its answers."""
    assert NODE is not None
    child = subprocess.Popen([NODE, str(HERE / "peer.mjs"), kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    stdin, stdout = child.stdin, child.stdout

    def send(messages: list[bytes]) -> list[bytes]:
        def write() -> None:
            for message in messages:
                stdin.write(struct.pack(">I", len(message)) + message)
            stdin.flush()

        writer = threading.Thread(target=write)  # both pipes may fill up
        writer.start()
        answers = [stdout.read(*struct.unpack(">I", stdout.read(4))) for _ in messages]
        writer.join()
        assert all(answer[:1] == b"v" for answer in answers), answers
        return [answer[1:] for answer in answers]

    with child:
        yield send
        stdin.close()


def some(rng: random.Random, depth: int) -> Any:
    """A value that comes back as it went: no integral floats, no dates finer than a millisecond."""
    if depth == 0 or rng.random() < 0.3:
        text = "".join(rng.choice('aZ0 "\0éß漢\uffff😀') for _ in range(rng.choice([3, 10, 60])))
        return rng.choice(
            [
                *(None, True, False, rng.randrange(-100, 300), rng.randrange(-(2**64), 2**65), rng.getrandbits(300)),
                *(rng.random() * 1e9, float("inf"), 5e-324, -0.0, text, text.encode()),
                EPOCH + timedelta(milliseconds=rng.randrange(-(10**13), 10**14)),
                CLOCK_EPOCH
                + timedelta(days=rng.randrange(-10_000, 30_000), hours=12, milliseconds=rng.randrange(1000)),
            ]
        )
    items = [some(rng, depth - 1) for _ in range(rng.randrange(5))]
    return rng.choice(
        [
            *(items, {f"k{index}é": item for index, item in enumerate(items)}, {"1": 2, "__proto__": items}),
            *(dict(enumerate(items)), {(1, (2, "x")): items, None: 1, True: 2, 1.5: 3}),
            {"a", 2, 2.5, b"b", (1, frozenset({2})), 2**70},
        ]
    )


def local(value: Any) -> Any:
    """`value` with naive datetimes as they come back from JavaScript, whose Dates are instants."""
    if isinstance(value, dict):
        return {key: local(item) for key, item in value.items()}
    if isinstance(value, list):
        return [local(item) for item in value]
    return value.astimezone(EPOCH.tzinfo) if isinstance(value, type(EPOCH)) else value


def test_values_come_back_from_node_as_they_went() -> None:
    rng = random.Random(21)
    with peer("value") as send:
        for _ in range(10):
            values = [some(rng, 5) for _ in range(200)]
            for value, answer in zip(values, send([encode_result(value) for value in values])):
                assert show(decode(answer)) == show(local(value))


def test_arguments_come_back_from_node_as_they_went() -> None:
    rng = random.Random(22)
    with peer("args") as send:
        calls = [
            ([some(rng, 3) for _ in range(rng.randrange(4))], {"a b": some(rng, 2)} if rng.random() < 0.5 else {})
            for _ in range(300)
        ]
        # JavaScript drops a last argument that is undefined, not one that is null.
        answers = send([encode_args(tuple(args), kwargs) for args, kwargs in calls])
        for (args, kwargs), answer in zip(calls, answers):
            assert show(decode_args(answer)) == show((tuple(local(args)), local(kwargs)))


def test_errors_come_back_from_node_as_they_went() -> None:
    error = IpcError("not_found", "nöpe", {"ids": [1, 2**70], "map": {1: 2}})
    error.__cause__ = KeyError("inner")
    with peer("error") as send:
        remote = decode_error(send([encode_error(error)])[0])
    assert (remote.code, remote.type, str(remote)) == ("not_found", "IpcError", "nöpe")
    assert remote.details == {"ids": [1, 2**70], "map": {1: 2}}
    assert isinstance(remote.__cause__, IpcError)
    assert str(remote.__cause__) == "KeyError: 'inner'"
