"""A child process with JSON lines on stdio: answers all the lines of a chunk in one write."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))

from envelope import answer


def main() -> None:
    rest = b""
    while chunk := os.read(0, 65536):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            os.write(1, b"".join([answer(line) + b"\n" for line in lines]))


if __name__ == "__main__":
    main()
