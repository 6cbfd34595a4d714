"""The decimal context of a call: a copied contextvars.Context refers to the same one, which a handler may change."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import decimal

T = TypeVar("T")


def decimal_context_of(context: contextvars.Context) -> decimal.Context | None:
    """A copy of the one that is set there, if one is."""
    if "decimal" in sys.modules:
        import decimal

        for value in context.values():
            if isinstance(value, decimal.Context):
                return value.copy()
    return None


def with_decimal_context(decimal_context: decimal.Context, handler: Callable[[Any], T]) -> Callable[[Any], T]:
    """The handler, called with a copy."""
    from decimal import setcontext

    def handle(payload: Any) -> T:
        setcontext(decimal_context.copy())
        return handler(payload)

    return handle


def set_decimal_context(context: contextvars.Context, decimal_context: decimal.Context | None) -> None:
    """Sets a copy there."""
    if decimal_context is not None:
        from decimal import setcontext

        context.run(setcontext, decimal_context.copy())
