"""CPU time as /proc tells it, the same sum that proc.mjs makes."""

from collections.abc import Iterable
from pathlib import Path

TICKS_PER_SECOND = 100  # USER_HZ, fixed on Linux


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system CPU seconds of all threads of the processes together."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_SECOND
