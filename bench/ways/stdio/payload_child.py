"""A child process with JSON lines on stdio: the chunks of a line are joined once it is whole."""

import os
import sys
from base64 import b64decode
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))

from envelope import decode, encode


def main() -> None:
    chunks = []
    while chunk := os.read(0, 1 << 18):
        chunks.append(chunk)
        if not chunk.endswith(b"\n"):
            continue
        call_id, _method, (text,) = decode(b"".join(chunks))
        chunks = []
        os.write(1, encode([call_id, len(b64decode(text))]) + b"\n")


if __name__ == "__main__":
    main()
