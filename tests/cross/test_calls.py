"""What a call does, the same for every pair of languages and every transport."""

from __future__ import annotations

from typing import Any

from harness import PATIENCE
from pairs import Pair


def test_arguments_go_by_place_by_name_and_by_default(pair: Pair) -> None:
    assert pair.call("add", 2, 3) == 5
    assert pair.call("add", 2) == 2
    assert pair.call("add", 2, kwargs={"b": 3}) == 5
    assert pair.call("keywords", 1) == [1, 2, 3]
    assert pair.call("keywords", 1, kwargs={"c": 30}) == [1, 2, 30]
    assert pair.call("keywords", kwargs={"a": 10, "b": 20, "c": 30}) == [10, 20, 30]


def test_nested_objects_are_namespaces(pair: Pair) -> None:
    assert pair.call("text.upper", "abc") == "ABC"
    assert pair.call("text.deep.reverse", "abc") == "cba"
    assert pair.call("text.deep.reverse", "abc", by_name=True) == "cba"


def test_the_status_names_the_transport_and_the_peer(pair: Pair) -> None:
    status = pair.client.do("status", on="c")
    assert status["state"] == "ready"
    assert status["transport"] == ("unix" if pair.address.startswith("unix:") else "shm")
    assert status["peer_pid"] == pair.server.pid == pair.call("pid")
    assert pair.of_server()["connections"] == 1


def test_a_notification_is_handled_and_returns_nothing(pair: Pair) -> None:
    for i in range(3):
        assert pair.client.do("notify", on="c", method="note", args=[i]) is None
        assert pair.server.event("noted")["value"] == i
    assert pair.client.do("notify", on="c", method="fail") is None
    assert pair.server.event("handler failed")["method"] == "fail"
    assert pair.call("add", 1) == 1


def test_calls_are_answered_after_more_notifications_than_may_be_pending(pair: Pair) -> None:
    count = 3000
    pair.client.do("notify", on="c", method="note", args=["x"], times=count)
    assert pair.call("add", 1, timeout=PATIENCE) == 1
    for _ in range(count):
        pair.server.event("noted")
    for method, args in (("fail", []), ("add", ["too", "many", "arguments"])):
        pair.client.do("notify", on="c", method=method, args=args, times=count // 2)
        assert pair.call("add", 1, timeout=PATIENCE) == 1


def test_notifications_are_handled_although_their_sender_closes(pair: Pair) -> None:
    count = 200
    pair.client.do("notify", on="c", method="note", args=["x"], times=count)
    pair.client.do("close", on="c")
    for _ in range(count):
        pair.server.event("noted")


def test_what_a_service_does_not_expose_cannot_be_seen_nor_called(
    kinds: tuple[str, str], peers: Any, address: str
) -> None:
    exposing = Pair(peers(kinds[0]), peers(kinds[1]), address, serve={"expose": ["add", "text.deep"]})
    assert exposing.client.do("describe", on="c")["methods"].keys() == {"add", "text.deep.reverse"}
    assert exposing.call("add", 2, 3) == 5
    assert exposing.call("text.deep.reverse", "abc") == "cba"
    assert not exposing.client.do("has", on="c", method="pid")
    for hidden in ("pid", "text.upper", "text"):
        assert exposing.error(hidden, "x", by_name=True).code == "unimplemented", hidden


def test_a_service_describes_itself(pair: Pair) -> None:
    described = pair.client.do("describe", on="c")
    assert described["service"] == pair.address
    assert {"add", "text.upper", "text.deep.reverse"} <= described["methods"].keys()
    assert not any(name.startswith("_") for name in described["methods"])
    keywords = described["methods"]["keywords"]
    assert [parameter["name"] for parameter in keywords["params"][:2]] == ["a", "b"]
    assert {parameter["name"]: parameter["required"] for parameter in keywords["params"]}["a"] is True


def test_a_handler_sees_the_metadata_and_the_deadline_of_its_call(pair: Pair) -> None:
    about = pair.call("about", metadata={"user": "Ada", "level": 3}, timeout=30)
    assert about == {"object": [["deadline", about["object"][0][1]], *MORE_ABOUT]}
    assert 20 < float(_number(about["object"][0][1])) <= 30
    assert pair.call("about") == {"object": [["deadline", None], ["metadata", {"object": []}], ["method", "about"]]}


MORE_ABOUT = [["metadata", {"object": [["level", 3], ["user", "Ada"]]}], ["method", "about"]]


def _number(told: Any) -> Any:
    return told["float"] if isinstance(told, dict) else told


def test_calls_in_flight_are_each_answered_once_and_with_their_own_result(pair: Pair) -> None:
    count = 3000
    for in_flight in (None, 64):
        more = {} if in_flight is None else {"in_flight": in_flight}
        tally = pair.client.do("burst", on="c", method="add", count=count, **more)
        assert tally == {"ok": count, "wrong": 0, "twice": 0, "codes": {}}


def test_a_handler_may_call_back_its_callers_service(pair: Pair) -> None:
    """Each server calls the other, six deep, several at once: as many as a pool of eight threads can hold."""
    there = pair.address.replace("calc", "back")
    pair.client.do("serve", **{"as": "back"}, address=there)
    calls = [pair.start("bounce", there, pair.address, 6) for _ in range(2 if "blocking" in pair.kinds else 20)]
    assert [call.result() for call in calls] == [6] * len(calls)


def test_one_process_serves_several_services(pair: Pair) -> None:
    other = pair.address.replace("calc", "other")
    pair.server.do("serve", **{"as": "other"}, address=other)
    pair.client.do("connect", **{"as": "o"}, address=other)
    for i in range(50):
        assert pair.client.do("call", on="o", method="add", args=[i, 1]) == i + 1
        assert pair.call("add", i, 2) == i + 2
