"""Decodes what arrives on stdin, encodes it again and sends it back: the far side of cross.test.mjs.

A frame is a big-endian u32 length and its bytes. The answer begins with 'v' and the value's bytes, or 'e' and the code.
The argument says what travels: "value", "args" or "error".
"""

from __future__ import annotations

import struct
import sys

from ipcbridge._errors import IpcError
from ipcbridge._values import decode, decode_args, decode_error, encode_args, encode_error, encode_result


def again(kind: str, data: bytes) -> bytes:
    if kind == "error":
        return encode_error(decode_error(data))
    if kind == "args":
        args, kwargs = decode_args(data)
        return encode_args(tuple(args), kwargs)
    return encode_result(decode(data))


def main() -> None:
    while header := sys.stdin.buffer.read(4):
        data = sys.stdin.buffer.read(*struct.unpack(">I", header))
        try:
            answer = b"v" + again(sys.argv[1], data)
        except IpcError as error:
            answer = b"e" + error.code.encode()
        sys.stdout.buffer.write(struct.pack(">I", len(answer)) + answer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
