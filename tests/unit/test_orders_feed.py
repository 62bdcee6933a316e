"""What the gateway makes of the orders that the backend sends: nothing that is only forgotten is given up."""

from __future__ import annotations

from typing import Any

from gateway.orders_feed import NOTHING, Orders, in_force, taken_over
from tests.support.backend import ORDERS


def _order(order_id: str = "VL-1", version: int = 1, **other: Any) -> dict[str, Any]:
    return {**ORDERS["orders"][0], "order_id": order_id, "version": version, **other}


def _sent(*orders: dict[str, Any], withdrawn: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"orders": list(orders), "withdrawn": list(withdrawn)}


def _versions(documents: dict[str, dict[str, Any]]) -> dict[str, int]:
    return {order_id: document["version"] for order_id, document in documents.items()}


def test_a_newer_version_replaces_the_one_before() -> None:
    before, _ = taken_over(NOTHING, _sent(_order()))
    after, complaints = taken_over(before, _sent(_order(version=2)))
    assert _versions(after.documents) == {"VL-1": 2}
    assert complaints == []


def test_a_backend_from_an_old_copy_takes_nothing_back() -> None:
    before, _ = taken_over(NOTHING, _sent(_order(version=3)))
    after, complaints = taken_over(before, _sent(_order(version=2)))
    assert _versions(after.documents) == {"VL-1": 3}
    assert "version 3 stays" in complaints[0]


def test_an_empty_backend_ends_nobodys_protection() -> None:
    before, _ = taken_over(NOTHING, _sent(_order()))
    after, complaints = taken_over(before, _sent())
    assert _versions(after.documents) == {"VL-1": 1}
    assert "stays in force" in complaints[0]


def test_only_a_withdrawal_by_name_ends_an_order_and_the_file_does_not_bring_it_back() -> None:
    before, _ = taken_over(NOTHING, _sent(_order(), _order("VL-2")))
    after, complaints = taken_over(before, _sent(_order("VL-2"), withdrawn=("VL-1",)))
    assert _versions(after.documents) == {"VL-2": 1}
    assert complaints == []
    assert _versions(in_force({"VL-1": _order()}, after)) == {"VL-2": 1}
    again, _ = taken_over(after, _sent(_order(version=3), _order("VL-2")))
    assert _versions(again.documents) == {"VL-1": 3, "VL-2": 1}


def test_an_order_that_cannot_be_used_leaves_the_one_before_and_the_others_go_on() -> None:
    before, _ = taken_over(NOTHING, _sent(_order()))
    broken = _order(version=2, valid_until="2020-01-01T00:00:00Z")
    after, complaints = taken_over(before, _sent(broken, _order("VL-2", 4)))
    assert _versions(after.documents) == {"VL-1": 1, "VL-2": 4}
    assert any("cannot be used" in complaint for complaint in complaints)


def test_of_file_and_backend_the_newer_version_is_judged() -> None:
    remembered = Orders({"VL-1": _order(version=2), "VL-3": _order("VL-3")}, frozenset())
    given = {"VL-1": _order(version=1), "VL-2": _order("VL-2"), "VL-3": _order("VL-3", 5)}
    assert _versions(in_force(given, remembered)) == {"VL-1": 2, "VL-2": 1, "VL-3": 5}


def test_an_answer_with_only_what_changed_leaves_the_others_and_takes_out_what_was_withdrawn() -> None:
    before, _ = taken_over(NOTHING, _sent(_order(), _order("VL-2"), _order("VL-3")))
    after, complaints = taken_over(before, {**_sent(_order(version=2), withdrawn=("VL-2",)), "since": "a1"})
    assert _versions(after.documents) == {"VL-1": 2, "VL-3": 1}
    assert after.withdrawn == {"VL-2"}
    assert complaints == [], "what is not named has not been forgotten"
    later, _ = taken_over(after, {**_sent(_order("VL-3", 2)), "since": "a2"})
    assert _versions(in_force({"VL-2": _order("VL-2")}, later)) == {"VL-1": 2, "VL-3": 2}, "withdrawn stays withdrawn"
