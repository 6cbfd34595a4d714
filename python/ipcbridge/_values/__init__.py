"""The value codec: docs/values.md in Python. The native module does all but what `_simplify` does."""

from .._native import decode, decode_args, encode_args, encode_result
from ._error_arrival import decode_error
from ._error_names import name_of
from ._error_payload import encode_error

__all__ = ["decode", "decode_args", "decode_error", "encode_args", "encode_error", "encode_result", "name_of"]
