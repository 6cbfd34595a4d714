"""Methods of proxies that tests replace: by monkeypatch, by mock.patch.object, by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from either import Run

import ipcbridge as ipc
from ipcbridge import testing
from ipcbridge.testing import aio


@pytest.fixture
def calc() -> Iterator[Any]:
    with testing.fake({"add": lambda a, b=0: a + b, "math": {"add": lambda a, b: a + b}}) as calc:
        yield calc


def test_monkeypatch_replaces_a_method_and_puts_it_back(calc: Any) -> None:
    own, inner = calc.add, calc.math.add
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calc, "add", lambda *_: "patched")
        patch.setattr(calc.math, "add", lambda *_: "patched, too")
        assert (calc.add(1, 2), calc.math.add(1, 2)) == ("patched", "patched, too")
        assert testing.calls(calc) == []
    assert calc.add is own
    assert calc.math.add is inner
    assert (calc.add(1, 2), calc.math.add(1, 2)) == (3, 3)
    assert len(testing.calls(calc)) == 2


@pytest.mark.parametrize("is_known", [True, False], ids=["looked at before", "never looked at"])
def test_mock_patch_replaces_a_method_and_puts_it_back(calc: Any, is_known: bool) -> None:
    if is_known:
        assert calc.add(1) == 1
        assert calc.math.add(1, 1) == 2
    with mock.patch.object(calc, "add", return_value=9) as add, mock.patch.object(calc.math, "add", return_value=8):
        assert (calc.add(1, b=2), calc.math.add(1, 2)) == (9, 8)
        add.assert_called_once_with(1, b=2)
    assert calc.add is calc.add
    assert (calc.add(1, 2), calc.math.add(1, 2)) == (3, 3)


def test_replacements_within_replacements_end_in_order(calc: Any) -> None:
    own = calc.add
    with mock.patch.object(calc, "add", return_value=1):
        with mock.patch.object(calc, "add", return_value=2):
            assert calc.add() == 2
        assert calc.add() == 1
    assert calc.add is own


def test_every_view_of_the_connection_has_the_replacement(calc: Any) -> None:
    view = ipc.with_options(calc, timeout=5)
    own = view.add
    assert view.add(1) == 1
    with mock.patch.object(calc, "add", return_value=9):
        assert view.add(1) == 9
        assert ipc.with_options(calc, timeout=1).add(1) == 9
        assert ipc.notify(calc).add(1) == 9
    assert view.add(1) == 1
    with mock.patch.object(view, "add", return_value=8):
        assert calc.add(1) == 8
        other = ipc.with_options(calc, timeout=2)
        with mock.patch.object(other, "add", return_value=7):
            assert (calc.add(1), view.add(1), other.add(1)) == (7, 7, 7)
        assert (calc.add(1), view.add(1), other.add(1)) == (8, 8, 8)
    assert other.add(1) == 1
    assert view.add is own
    assert (calc.add(1), view.add(1)) == (1, 1)


def test_an_asyncio_method_can_be_replaced(run: Run) -> None:
    async def main() -> None:
        async with aio.fake({"add": lambda a: a}) as calc:
            own = calc.add
            with mock.patch.object(calc, "add", new=mock.AsyncMock(return_value=9)) as add:
                assert await calc.add(1) == 9
                add.assert_awaited_once_with(1)
            assert calc.add is own
            assert await calc.add(1) == 1

    run(main())


def test_other_clients_of_the_service_keep_their_methods() -> None:
    with testing.pair({"add": lambda a: a}) as (server, calc), ipc.connect(server.name) as other:
        with mock.patch.object(calc, "add", return_value=9):
            assert other.add(1) == 1
        assert calc.add(1) == 1


def test_a_replacement_stays_when_the_service_is_started_again(serve: Any, connect: Any) -> None:
    first = serve("calc", {"add": lambda a: a})
    calc = connect("calc")
    with mock.patch.object(calc, "add", return_value=9):
        first.close(grace=0)
        second = serve("calc", {"add": lambda a: a, "sub": lambda a: a})
        while not hasattr(calc, "sub"):
            pass
        assert calc.add(1) == 9
        second.close(grace=0)
        serve("calc", {"sub": lambda a: a})
        while hasattr(calc, "add"):
            pass
    assert not hasattr(calc, "add")
    assert calc.sub(1) == 1


def test_what_is_no_method_is_not_replaced_nor_is_a_method_by_a_value(calc: Any) -> None:
    for name, value in (("add", 1), ("other", len), ("math", len), ("_private", len)):
        with pytest.raises(AttributeError, match="cannot be changed"):
            setattr(calc, name, value)
    with pytest.raises(AttributeError, match="cannot be changed"):
        del calc.add
    with pytest.raises(AttributeError, match="cannot be changed"):
        del calc.other


def test_a_mock_with_a_proxy_as_its_spec_has_its_methods_and_no_others(calc: Any) -> None:
    spec = mock.create_autospec(calc)
    spec.add.return_value = 5
    assert spec.add(2, 3) == 5
    spec.math.add.return_value = 6
    assert spec.math.add(2, 3) == 6
    with pytest.raises(AttributeError):
        _ = spec.subtract
    assert testing.calls(calc) == []
