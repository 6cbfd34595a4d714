"""Names of a test's parameters that are the same in every process, as several of pytest's need them."""

from __future__ import annotations

import re
from typing import Any


def shown(value: Any) -> str:
    """repr(value) without addresses."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
