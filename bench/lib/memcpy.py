"""One copy of each size between buffers that are kept: `memcpy.py SECONDS SIZE...` prints {size: result} as JSON."""

import json
import sys

from payload_loops import repeated, without_tails


def copy(size: int, seconds: float) -> dict[str, float]:
    source = memoryview(bytearray(b"\x5a") * size)
    target = memoryview(bytearray(size))

    def call() -> None:
        target[:] = source

    def check(_result: None) -> None:
        pass

    repeated(call, check, seconds=seconds / 4, least=3, most=2)
    return without_tails(repeated(call, check, seconds=seconds, least=3, most=2))


if __name__ == "__main__":
    seconds, *sizes = sys.argv[1:]
    print(json.dumps({size: copy(int(size), float(seconds)) for size in sizes}))
