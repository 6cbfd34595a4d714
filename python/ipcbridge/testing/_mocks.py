"""Objects of unittest.mock as services."""

from __future__ import annotations

import sys
from typing import Any


def served_members(target: Any) -> Any:
    """What to serve of a target: of a mock, which has any attribute, the methods of its spec; others as they are."""
    mock = sys.modules.get("unittest.mock")
    if mock is None or not isinstance(target, mock.NonCallableMock):
        return target
    names = [name for name in set(dir(target)) - set(dir(mock.Mock())) if not name.startswith("_")]
    members = {name: getattr(target, name) for name in sorted(names)}
    return {name: member for name, member in members.items() if callable(member)}
