"""The measuring loops of arrays for blocking clients; see array_loops.mjs and array_loops_async.py.

A client that has arrays has their module as `arrays`: NumPy is there only then.
"""

import time
from collections.abc import Callable
from typing import Any

from loops import Result
from payload_loops import warmed_up

BYTES_PER_ELEMENT = 8
MANY_FRAMES = 1_000_000  # more than any run of the loop takes; it is left when the time is over


def check_ends(result: float) -> None:
    if result != 3:
        raise AssertionError(f"the ends of the array have the sum {result!r}")


def made(arrays: Any, size: int, pool: bool) -> Any:
    """An array of `size` bytes in ordinary memory or in the pool, with 1 and 2 at its ends."""
    array = (arrays.pooled if pool else arrays.ordinary)(size // BYTES_PER_ELEMENT)
    array[:] = 0
    array[0], array[-1] = 1, 2
    return array


def array(client: Any, *, size: int, pool: bool, seconds: float, warmup: float, most: float, **_: Any) -> Result:
    """One array, again and again; its ends are read."""
    value = made(client.arrays, size, pool)
    return warmed_up(lambda: client.ends(value), check_ends, seconds, warmup, most)


def arrays_dropped(client: Any, *, size: int, count: int, **_: Any) -> Result:
    """`count` calls, whose receiver leaves the arrays to its collector."""
    value = made(client.arrays, size, False)
    for _i in range(count):
        check_ends(client.ends_dropped(value))
    return {"calls": count}


def array_once(client: Any, *, size: int, pool: bool, calls: int, **_: Any) -> Result:
    """A few calls with a large array, while the harness watches the memory of both processes."""
    value = made(client.arrays, size, pool)
    for _i in range(calls):
        check_ends(client.ends(value))
    return {"calls": calls}


def check_frame(frame: Any, number: int, blocks: int) -> None:
    if frame[0] != number % blocks:
        raise AssertionError("wrong frame")


def streamed(client: Any, size: int, seconds: float, each: Callable[[Any], None]) -> float:
    """How many frames of a stream come in a second if `each` is done with every one."""
    begin = time.perf_counter()
    count = 0
    with client.frames(MANY_FRAMES, size) as frames:
        for frame in frames:
            check_frame(frame, count, client.arrays.BLOCKS)
            each(frame)
            count += 1
            if time.perf_counter() - begin > seconds:
                break
        return count / (time.perf_counter() - begin)


def local(arrays: Any, size: int, seconds: float) -> float:
    """The same in memory of this process."""
    blocks = arrays.local_blocks(size)
    begin = time.perf_counter()
    count = 0
    while time.perf_counter() - begin < seconds:
        arrays.touch(blocks[count % len(blocks)])
        count += 1
    return count / (time.perf_counter() - begin)


def ignore(_frame: Any) -> None:
    pass


def frames(client: Any, *, size: int, seconds: float, warmup: float, **_: Any) -> Result:
    """Frames from the pool: their descriptors only, every byte of them, and every byte of frames of this process."""
    streamed(client, size, warmup, client.arrays.touch)
    return {
        "frames_per_s": streamed(client, size, seconds, ignore),
        "touched_per_s": streamed(client, size, seconds, client.arrays.touch),
        "local_per_s": local(client.arrays, size, seconds),
    }
