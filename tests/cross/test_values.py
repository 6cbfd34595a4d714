"""Values there and back again: the vectors of tests/values, through both processes and the wire."""

from __future__ import annotations

from typing import Any

from pairs import Pair, Raw
from peers.telling import tell
from value_notation import VECTORS, build


def usable_by(client: str) -> list[dict[str, Any]]:
    """Those that the client's language makes, rather than only reads."""
    language = "javascript" if client == "node" else "python"
    return [vector for vector in VECTORS["values"] if language in vector.get("encode", [language])]


def through_javascript(told: Any) -> Any:
    """What becomes of a value that was a JavaScript one on its way."""
    if isinstance(told, list):
        return [through_javascript(item) for item in told]
    if not isinstance(told, dict) or "length" in told:
        return told
    ((kind, content),) = told.items()
    if kind == "float":
        number = float(content)
        is_integer = number.is_integer() and abs(number) < 2**53 and content != "-0.0"
        return int(number) if is_integer else {"float": repr(number)}
    if kind == "clock":  # a Date; peers live in UTC
        return {"instant": str(int(content) // 1000 * 1_000_000)}
    if kind == "instant":
        return {"instant": str(int(content) // 1_000_000 * 1_000_000)}
    return {kind: through_javascript(content)} if isinstance(content, list) else told


def through_a_typed_array(told: Any) -> Any:
    """What JavaScript sends back of an array, which it sends as bytes if it is a Uint8Array there."""
    if isinstance(told, dict) and "array" in told:
        dtype, shape, data = told["array"]
        return {"bytes": data} if dtype == "uint8" and len(shape) == 1 else told
    return told


def comparable(told: Any) -> Any:
    """Both languages' texts for a float as one; the order of a set's or map's members does not count."""
    if isinstance(told, list):
        return [comparable(item) for item in told]
    if isinstance(told, dict):
        ((kind, content), *_) = told.items()
        if kind == "float":
            return {"float": repr(float(content))}
        if kind in ("set", "map", "object"):
            return {kind: sorted(map(comparable, content), key=repr)}
    return told


def test_values_come_back_as_the_table_says(pair: Pair) -> None:
    vectors = usable_by(pair.client.kind)
    calls = [pair.start("echo", Raw(vector["value"])) for vector in vectors]
    for vector, call in zip(vectors, calls):
        expected = tell(build(vector["value"]))
        if "node" in pair.kinds:
            expected = through_javascript(expected)
        if pair.server.kind == "node":
            expected = through_a_typed_array(expected)
        assert comparable(call.result()) == comparable(expected), vector["name"]


def test_values_arrive_as_keyword_arguments_too(pair: Pair) -> None:
    value = {"object": [["list", [1, 2.5, None]], ["bytes", {"bytes": "00ff"}], ["text", "ä😀"]]}
    expected = {"object": [["bytes", {"bytes": "00ff"}], ["list", [1, {"float": "2.5"}, None]], ["text", "ä😀"]]}
    assert pair.call("echo", kwargs={"value": value}) == expected
