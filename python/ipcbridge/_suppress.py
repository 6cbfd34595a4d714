"""contextlib.suppress, without the rest of that module, which takes long to import."""

from __future__ import annotations


class suppress:  # noqa: N801 - as there
    """A `with` block that such an exception ends."""

    __slots__ = ("_kinds",)

    def __init__(self, *kinds: type[BaseException]) -> None:
        self._kinds = kinds

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, _error: object, _traceback: object) -> bool:
        return kind is not None and issubclass(kind, self._kinds)
