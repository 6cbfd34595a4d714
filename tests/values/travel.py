"""Values on their way to the other side, and those that do not get there."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import Any

import pytest
import reference
from value_notation import show

from ipcbridge._errors import IpcError
from ipcbridge._values import decode, encode_result


class Text(str):
    pass


class Name(str, enum.Enum):
    ANN = "ann"


@dataclasses.dataclass
class User:
    name: str
    tags: set[str]
    inner: Any = None


def travel(value: Any) -> Any:
    """`value` after the way there."""
    data = encode_result(value)
    arrived = decode(data)
    assert show(arrived) == show(reference.decode(data))
    return arrived


def refused(value: Any, code: str = "invalid_argument", *, encode: Callable[[Any], bytes] = encode_result) -> str:
    with pytest.raises(IpcError) as caught:
        encode(value)
    assert caught.value.code == code
    return str(caught.value)
