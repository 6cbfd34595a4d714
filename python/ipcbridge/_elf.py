"""Whether the extension module's file is whole. One that is cut off would end the process that loads it, by SIGBUS."""

from __future__ import annotations

from _imp import extension_suffixes  # importlib.machinery takes longer to import than this takes to run

_HEADER_BYTES = 64
_SEGMENT_BYTES = 56


def module_file(folder: str) -> str | None:
    """The file that Python takes for ipcbridge._native."""
    for suffix in extension_suffixes():
        file = f"{folder}/_native{suffix}"
        try:
            open(file, "rb").close()
        except FileNotFoundError:
            continue
        except OSError:
            pass  # Python will say why
        return file
    return None


def is_truncated(file: str) -> bool:
    """Whether it is shorter than its headers say. False for what is no 64-bit ELF file, or cannot be read."""
    try:
        with open(file, "rb") as opened:
            header = opened.read(_HEADER_BYTES)
            if header[:5] != b"\x7fELF\x02":
                return False
            if len(header) < _HEADER_BYTES:
                return True
            size = opened.seek(0, 2)
            table, table_bytes = _number(header, 32, 8), _SEGMENT_BYTES * _number(header, 56, 2)
            if table + table_bytes > size:  # maybe beyond what seek() takes
                return True
            opened.seek(table)
            segments = opened.read(table_bytes)
    except OSError:
        return False
    starts = range(0, len(segments) - _SEGMENT_BYTES + 1, _SEGMENT_BYTES)
    ends = [_number(segments, at + 8, 8) + _number(segments, at + 32, 8) for at in starts]
    sections = _number(header, 40, 8) + _number(header, 58, 2) * _number(header, 60, 2)
    return max([*ends, sections]) > size


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")
