"""Attributes of objects that were passed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import ipcbridge as ipc


def test_attributes_of_an_object_that_was_passed_on_are_its_owners(serve: Any, connect: Any) -> None:
    class Account:
        balance = 5

        def close(self) -> None: ...

    def change(account: Any) -> Any:
        ipc.set_attribute(account, "balance", 7)
        with pytest.raises(ipc.RemoteError) as caught:
            ipc.get_attribute(account, "limit")
        return ipc.get_attribute(account, "balance"), caught.value.code

    account = Account()
    serve("bank", {"account": lambda: ipc.proxy(account)})
    serve("clerk", {"change": change})
    assert connect("clerk").change(connect("bank").account()) == [7, "not_found"]
    assert account.balance == 7


def test_an_object_by_reference_has_no_namespaces(serve_either: Any, connect: Any) -> None:
    class Account:
        def __init__(self) -> None:
            self.text = SimpleNamespace(up=lambda text: text.upper())

        def close(self) -> None: ...

    account = Account()
    serve_either("bank", {"account": lambda: ipc.proxy(account), "names": dir})
    bank = connect("bank")
    assert dir(bank.account()) == ["close"] == bank.names(ipc.proxy(account))
    with pytest.raises(ipc.IpcError, match="no public functions to call") as caught:
        ipc.proxy(SimpleNamespace(text=account.text))
    assert caught.value.code == "invalid_argument"


def test_an_attribute_that_is_read_as_a_local_one_says_how_to_read_it(serve: Any, connect: Any) -> None:
    class Account:
        balance = 5

        def close(self) -> None: ...

    served = Account()
    serve("bank", {"account": lambda: ipc.proxy(served)})
    account = connect("bank").account()
    assert repr(account) == "<remote object: close>"
    with pytest.raises(AttributeError, match=r"^the remote object has no .*; get_attribute\(object, 'balance'\) reads"):
        _ = account.balance
    with pytest.raises(AttributeError, match=r"set_attribute\(object, 'balance', value\) sets"):
        account.balance = 7
    with pytest.raises(AttributeError, match="what can be replaced is a method, by a function"):
        account.close = 7
    assert ipc.get_attribute(account, "balance") == 5


def test_methods_named_as_what_asks_for_attributes_are_not_asked_instead(serve: Any, connect: Any) -> None:
    class Element:
        value = 5

        def get_attribute(self, name: str) -> str:
            return f"the element's {name}"

        def set_attribute(self, name: str, value: Any) -> None: ...

    def ask(element: Any) -> Any:
        ipc.set_attribute(element, "value", 7)
        return ipc.get_attribute(element, "value"), element.get_attribute("value")

    element = Element()
    serve("page", {"element": lambda: ipc.proxy(element)})
    serve("clerk", {"ask": ask})
    assert ask(connect("page").element()) == (7, "the element's value")
    element.value = 5
    assert connect("clerk").ask(connect("page").element()) == [7, "the element's value"]
