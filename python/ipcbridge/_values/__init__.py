"""The value codec: docs/values.md in Python. The native module does all but what `_simplify` does."""

from .._native import decode, decode_args, encode_args, encode_result
from ._error_payload import decode_error, encode_error, name_of

__all__ = ["decode", "decode_args", "decode_error", "encode_args", "encode_error", "encode_result", "name_of"]
