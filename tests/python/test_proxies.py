from __future__ import annotations

import copy
import inspect
import pickle
import pydoc
import threading
from typing import Any

import pytest
from children import Children

import ipcbridge as ipc


class Calc:
    def add(self, a: int, b: int = 0) -> int:
        """Adds two numbers."""
        return a + b


@pytest.fixture
def calc(serve: Any, connect: Any) -> Any:
    serve("calc", {"add": Calc().add, "math": {"sub": lambda a, b: a - b}})
    return connect("calc")


def test_a_method_is_the_same_object_each_time(calc: Any) -> None:
    assert calc.add is calc.add
    assert calc.math is calc.math
    assert calc.math.sub is calc.math.sub


def test_dir_lists_what_is_served(calc: Any) -> None:
    assert dir(calc) == ["add", "math"]
    assert dir(calc.math) == ["sub"]


def test_a_missing_attribute_names_what_is_alike(calc: Any) -> None:
    with pytest.raises(AttributeError, match="did you mean 'add'"):
        _ = calc.ad
    assert not hasattr(calc, "then")
    assert not hasattr(calc, "toJSON")
    assert not hasattr(calc, "_private")


def test_a_namespace_works(calc: Any) -> None:
    assert calc.math.sub(3, 1) == 2


def test_repr_is_sensible(calc: Any) -> None:
    assert "calc" in repr(calc)
    assert "math" in repr(calc.math)
    assert repr(calc.add) == "<remote method add>"


def test_help_shows_the_remote_documentation(calc: Any) -> None:
    text = pydoc.plain(pydoc.render_doc(calc.add))
    assert "Adds two numbers." in text
    assert "add(a, b=...)" in text
    assert str(inspect.signature(calc.add)) == "(a, b=...)"
    assert calc.add.__name__ == "add"


def test_a_proxy_is_not_iterable_and_cannot_be_copied(calc: Any) -> None:
    with pytest.raises(TypeError):
        iter(calc)
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(calc)
    with pytest.raises(TypeError, match="pickled"):
        copy.copy(calc)


@pytest.mark.parametrize("make", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_what_is_remote_says_that_it_cannot_be_pickled_or_copied(make: Any, serve: Any, connect: Any) -> None:
    seen: list[str] = []

    def look(function: Any, of_object: Any) -> None:
        for each in (function, of_object.add, of_object):
            with pytest.raises(TypeError) as caught:
                make(each)
            seen.append(str(caught.value))

    serve("calc", {"add": lambda a: a, "math": {"neg": lambda a: -a}, "look": look})
    calc = connect("calc")
    around = connect("calc", middleware=lambda call, next: next(call))
    calc.look(lambda: 1, ipc.proxy(Calc()))
    for each in (calc, calc.math, calc.add, around.add, ipc.notify(calc).add, ipc.submit(calc).add):
        with pytest.raises(TypeError) as caught:
            make(each)
        seen.append(str(caught.value))
    assert [sentence for sentence in seen if "cannot be pickled or copied: " not in sentence] == []
    assert len(seen) == 9


def test_a_with_block_closes(serve: Any) -> None:
    serve("calc", Calc())
    with ipc.connect("calc") as calc:
        assert calc.add(1) == 1
    with pytest.raises(ipc.IpcError) as caught:
        calc.add(1)
    assert caught.value.code == "failed_precondition"
    ipc.close(calc)


def test_a_dropped_proxy_disconnects(serve: Any) -> None:
    server = serve("calc", Calc())
    gone = threading.Event()
    calc: Any = ipc.connect("calc")
    watcher: Any = ipc.connect("calc")
    calc.add(1)
    assert ipc.status(server)["connections"] == 2
    del calc
    while ipc.status(server)["connections"] == 2:
        watcher.add(1)
    gone.set()
    ipc.close(watcher)


def test_the_status_of_a_closed_client_has_the_shape_that_it_had(serve: Any, connect: Any) -> None:
    serve("calc", Calc())
    calc = connect(["calc", "nobody"])
    before = ipc.status(calc)
    ipc.close(calc)
    nobody = dict.fromkeys(("transport", "fallback_reason", "peer_pid", "peer_uid", "busy"))
    expected = {**before, **nobody, "state": "closed"}
    expected["links"] = [{**link, **nobody, "state": "closed"} for link in before["links"]]
    assert ipc.status(calc) == expected
    assert connect("calc").add(1) == 1  # by then the native side has forgotten the other client
    assert ipc.status(calc) == expected


def test_members_are_those_of_the_service_that_is_there_now(serve: Any, connect: Any) -> None:
    first = serve("calc", {"add": lambda: 1, "gone": len, "space": {"f": len, "g": len}, "turned": {"f": len}})
    calc = connect("calc")
    add, space = calc.add, calc.space
    assert calc.gone
    assert space.f
    assert space.g
    assert calc.turned
    serve("calc", {"add": lambda: 2, "space": {"f": len}, "turned": lambda: "a method"})
    first.wait()
    while ipc.status(calc)["state"] != "ready":
        pass
    with pytest.raises(AttributeError, match="gone"):
        _ = calc.gone
    assert calc.add is add
    assert add() == 2
    assert calc.space is space
    assert space.f
    assert not hasattr(calc, "gone")
    assert not hasattr(space, "g")
    assert calc.turned() == "a method"


def test_help_is_of_the_service_that_is_there_now(serve: Any, connect: Any) -> None:
    def add() -> None:
        """The old one."""

    def newer() -> None:
        """The new one."""

    first = serve("calc", {"add": add})
    calc = connect("calc")
    assert calc.add.__doc__ == "The old one."
    add_before = calc.add
    serve("calc", {"add": newer, "newer": newer})
    first.wait()
    while ipc.status(calc)["state"] != "ready":
        pass
    assert calc.newer.__doc__ == "The new one."
    assert calc.add is add_before
    assert calc.add.__doc__ == "The new one."
    assert set(ipc.describe(calc)["methods"]) == {"add", "newer"}


def test_one_of_several_services_comes_back_with_other_methods(serve: Any, connect: Any) -> None:
    """Which is no change of state."""
    serve("one", {"add": len})
    second = serve("two", {"add": len})
    calc = connect(["one", "two"])
    states: list[str] = []
    ipc.on_state(calc, lambda state, reason: states.append(state))
    while second.status()["connections"] == 0:
        pass
    assert dir(calc) == ["add"]
    third = serve("two", {"add": len, "sub": len})
    while third.status()["connections"] == 0:
        pass
    while not hasattr(calc, "sub"):
        pass
    assert states == []


def test_a_proxy_cannot_be_changed(calc: Any) -> None:
    with pytest.raises(AttributeError, match="cannot be changed"):
        calc.add = 1
    with pytest.raises(AttributeError, match="cannot be changed"):
        calc.other = 1
    with pytest.raises(AttributeError, match="cannot be changed"):
        del calc.add
    assert calc.add(1, 2) == 3


@pytest.mark.parametrize("verb", [ipc.close, ipc.describe, ipc.notify, ipc.status, ipc.with_options])
def test_what_is_no_proxy_is_refused(verb: Any) -> None:
    with pytest.raises(ipc.IpcError) as caught:
        verb(3)
    assert caught.value.code == "invalid_argument"


def test_attributes_of_another_type_than_str_are_a_type_error(serve: Any, connect: Any) -> None:
    serve("calc", {"add": lambda a, b: a + b})
    calc = connect("calc")
    with pytest.raises(TypeError):
        type(calc).__getattribute__(calc, (1, 2, 3))
    with pytest.raises(TypeError):
        calc._follow(None)


def test_a_closed_client_says_so_of_names_that_it_was_not_asked_for_before(children: Children, connect: Any) -> None:
    children.serve("calc")
    calc = connect("calc")
    ipc.close(calc)
    while dir(calc):
        pass
    for ask in (lambda: calc.add, lambda: calc.math, lambda: ipc.notify(calc).add):
        with pytest.raises(ipc.IpcError, match="the client is closed") as refused:
            ask()
        assert refused.value.code == "failed_precondition"


def test_a_client_that_was_closed_after_a_reconnection_says_so(serve: Any, connect: Any) -> None:
    first = serve("calc", {"add": lambda a, b: a + b})
    calc = connect("calc")
    assert calc.add(1, 2) == 3
    first.close()
    serve("calc", {"add": lambda a, b: a + b})
    while ipc.status(calc)["state"] != "ready":
        pass
    ipc.close(calc)
    with pytest.raises(ipc.IpcError, match="closed"):
        calc.add(1, 2)
