"""The decimal context of a call: a copied contextvars.Context refers to the same one, which a handler may change."""

from __future__ import annotations

import contextvars
import sys
from _collections_abc import Callable


def decimal_context_setter(context: contextvars.Context) -> Callable[[], None] | None:
    """A function that sets a copy, in the current context, of the decimal context that is set there, if one is."""
    if "decimal" in sys.modules:
        import decimal

        for value in context.values():
            if isinstance(value, decimal.Context):
                kept = value.copy()
                return lambda: decimal.setcontext(kept.copy())
    return None
