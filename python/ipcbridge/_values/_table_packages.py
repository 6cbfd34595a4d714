"""The packages that tables are of, which may not be there: imported when the first table is sent, or arrives."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LEAST_ARROW = (14, 0, 1)
"""Earlier ones unpickle what a stream has them unpickle."""

_missing: dict[str, str] = {}
"""Why a package could not be imported. It is not tried again for every table that arrives."""


def find_package(name: str) -> Any:
    """That package, or None where it cannot be imported."""
    if name not in _missing or sys.modules.get(name) is not None:
        try:
            return importlib.import_module(name)
        except MemoryError:
            raise
        except Exception as error:  # of a package that is broken it may be any
            _missing[name] = f"{type(error).__name__}: {error}"
    return None


def find_arrow() -> Any:
    """pyarrow, or None where there is none that can be used."""
    arrow = find_package("pyarrow")
    if arrow is not None and _version_of(arrow) < _LEAST_ARROW:
        _missing["pyarrow"] = f"it is {arrow.__version__}, which can be made to run code by what it reads"
        return None
    return arrow


def why_no_arrow() -> str:
    """Where find_arrow() has found none: the reason, and what to do."""
    least = ".".join(map(str, _LEAST_ARROW))
    return f"pyarrow cannot be used ({_missing['pyarrow']}): pip install 'pyarrow>={least}'"


@contextmanager
def raising_panics() -> Iterator[None]:
    """What polars raises when its own code fails is no Exception: here it is."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise RuntimeError(str(error)) from error


def _version_of(arrow: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in arrow.__version__.split(".")[:3] if part.isdigit())
