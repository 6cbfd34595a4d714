"""JSON messages for the ways that carry bytes only: [id, method, arguments] there, [id, result] back."""

import json
import os
from typing import Any

from values import ARGUMENT, HANDLERS

if os.environ.get("BENCH_JSON") == "orjson":
    import orjson

    encode = orjson.dumps
    decode = orjson.loads
else:
    # json.dumps with separators builds an encoder a call; a kept one is the standard library's quickest form.
    _encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode

    def encode(value: Any) -> bytes:
        return _encode(value).encode()

    def decode(data: bytes) -> Any:
        return json.loads(data.decode())  # given bytes, json.loads guesses the encoding each time


def answer(message: bytes) -> bytes:
    call_id, method, args = decode(message)
    return encode([call_id, HANDLERS[method](*args)])


def request(call_id: int) -> bytes:
    return encode([call_id, "upper", [ARGUMENT]])
