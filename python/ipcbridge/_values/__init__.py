"""The value codec: docs/values.md in Python. The native module does all but what `_simplify` does."""

from .._native import decode, decode_args, encode_args, encode_result
from .._typing import TYPE_CHECKING
from ._error_arrival import decode_error
from ._error_names import name_of
from ._error_payload import encode_error

if TYPE_CHECKING:  # what only the native module imports, for tools such as PyInstaller, which look for imports here
    from . import _arrays as _arrays
    from . import _refusal as _refusal
    from . import _simplify as _simplify
    from . import _table_arrival as _table_arrival
    from . import _tables as _tables

__all__ = ["decode", "decode_args", "decode_error", "encode_args", "encode_error", "encode_result", "name_of"]
