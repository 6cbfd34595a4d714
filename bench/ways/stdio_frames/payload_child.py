"""A child process that answers frames of bytes on stdio."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))

from byte_frames import FrameBuffer, answer, read_frame, write_all


def main() -> None:
    buffer = FrameBuffer()
    try:
        while True:
            write_all(1, answer(read_frame(0, buffer)))
    except ConnectionError:
        pass


if __name__ == "__main__":
    main()
