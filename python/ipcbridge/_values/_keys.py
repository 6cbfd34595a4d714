"""Keys of one hash: a peer that chooses many would make a set or dict quadratic, in one call that holds the GIL."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from .._errors import IpcError
from ._wire import MAX_COLLISIONS

SCALARS_SPREAD = sys.version_info >= (3, 10)
"""Whether keys without an extension among them never have one hash. Python 3.9 has the same for every NaN."""

# Their hashes are seeded, or there are only a few such values.
_SAFE = frozenset({str, bytes, bool, type(None)})
# Integers nearer to zero hash to themselves.
_MODULUS = sys.hash_info.modulus


def spread(keys: list[Any]) -> list[Any]:
    """The same keys. Raises IpcError, 'resource_exhausted', where more than MAX_COLLISIONS of them have one hash."""
    if len(keys) <= MAX_COLLISIONS:
        return keys
    kinds = set(map(type, keys))
    if kinds <= _SAFE or (kinds == {int} and min(keys) > -_MODULUS and max(keys) < _MODULUS):
        return keys
    # Hashes are integers that hash to themselves: counting them is not quadratic.
    if max(Counter(map(hash, keys)).values()) > MAX_COLLISIONS:
        raise IpcError("resource_exhausted", f"a set or dict with more than {MAX_COLLISIONS} keys of the same hash")
    return keys
