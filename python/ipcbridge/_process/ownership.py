"""What the native module has begun is owned by somebody at every moment, also when a signal handler raises."""

from __future__ import annotations

from _collections_abc import Callable, Mapping
from itertools import starmap

from .._typing import Any


def keep_result(owned: list[int], begin: Callable[..., int], arguments: Mapping[str, Any]) -> None:
    """Appends what `begin` returns to `owned`, called with the values of `arguments` in their order.

    Python runs signal handlers between two of its instructions, so one may raise after a call has returned and before
    its result is assigned. Here a single instruction does both: all that it calls is written in C.
    """
    owned.extend(starmap(begin, (tuple(arguments.values()),)))
