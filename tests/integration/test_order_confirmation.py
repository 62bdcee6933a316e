"""A signed order that no gateway confirms raises an alarm; orders that nobody signed say so and need a flag."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from alarm_backend.alarms.schemas import AlarmView
from alarm_backend.app import create_app
from alarm_backend.watch import look
from tests.support.backend import GATEWAY, ORDERS, Backend

pytest_plugins = ("tests.support.backend",)
DRAFTS = "/api/v1/order-drafts"


def _document(**other: Any) -> dict[str, Any]:
    return {**copy.deepcopy(ORDERS["orders"][0]), "order_id": "VL-9", **other}


def _signed(backend: Backend, **body: Any) -> None:
    """An order, a change to it or its withdrawal, drafted and signed by two people."""
    case_manager = backend.client("case_manager")
    draft = case_manager.post(DRAFTS, json={"order_id": "VL-9", **body}).json()
    for client, act in ((case_manager, "submit"), (backend.client("supervisor"), "sign")):
        answer = client.post(f"{DRAFTS}/{draft['draft_id']}/{act}", json={"revision": draft["revision"]})
        assert answer.status_code == 200, answer.text


def _says(backend: Backend, version: int | None, source: str = "gateway-1") -> None:
    """A gateway says which version it judges."""
    receipts = [{"order_id": "VL-9", "version": version, "active_ms": backend.clock.ms}]
    body = {"source": source, "receipts": receipts}
    assert backend.gateway.post("/api/v1/orders/receipts", json=body).status_code == 200


def _alarms(backend: Backend) -> list[AlarmView]:
    look(backend.services)
    return [alarm for alarm in backend.services.alarms.queue().alarms if alarm.kind == "order_not_active"]


def test_an_order_that_no_gateway_confirms_raises_the_worst_alarm_until_one_does(backend: Backend) -> None:
    _signed(backend, document=_document())
    assert _alarms(backend) == [], "the gateway has a minute"
    backend.clock.forward(61)
    (alarm,) = _alarms(backend)
    assert (alarm.order_id, alarm.severity, alarm.condition) == ("VL-9", 5, "active")
    assert (alarm.monitored, alarm.protected, alarm.reason) == ("M1", "P1", "not_confirmed")
    assert len(_alarms(backend)) == 1, "a second look raises no second alarm"
    _says(backend, 1)
    (alarm,) = _alarms(backend)
    assert (alarm.state, alarm.condition, alarm.reason) == ("raised", "cleared", "confirmed_by_gateway")


def test_a_confirmation_in_time_raises_nothing(backend: Backend) -> None:
    _signed(backend, document=_document())
    _says(backend, 1)
    backend.clock.forward(3600)
    assert _alarms(backend) == []


def test_a_gateway_that_stays_at_the_older_version_or_falls_back_to_it_confirms_nothing(backend: Backend) -> None:
    _signed(backend, document=_document())
    _says(backend, 1)
    _signed(backend, document=_document(mandate_kind="probation"))
    backend.clock.forward(61)
    assert [alarm.condition for alarm in _alarms(backend)] == ["active"]
    _says(backend, 2)
    assert [alarm.condition for alarm in _alarms(backend)] == ["cleared"]
    _says(backend, None)
    backend.clock.forward(1)
    assert [alarm.condition for alarm in _alarms(backend)] == ["active"], "it was judged and is no longer"


def test_a_withdrawal_that_the_gateway_does_not_follow_is_told_but_is_no_danger(backend: Backend) -> None:
    _signed(backend, document=_document())
    _says(backend, 1)
    _signed(backend, act="withdraw")
    backend.clock.forward(61)
    (alarm,) = _alarms(backend)
    assert (alarm.reason, alarm.severity) == ("withdrawal_not_confirmed", 4)
    _says(backend, None)
    assert [alarm.condition for alarm in _alarms(backend)] == ["cleared"]


def test_an_alarm_closed_without_a_confirmation_comes_back(backend: Backend) -> None:
    _signed(backend, document=_document())
    backend.clock.forward(61)
    (alarm,) = _alarms(backend)
    operator, other = backend.client("operator"), backend.client("operator", "second")
    path = f"/api/v1/alarms/{alarm.alarm_id}"
    assert operator.post(f"{path}/take").status_code == 200
    assert operator.post(f"{path}/resolve", json={"cause": "device_fault"}).status_code == 200
    assert other.post(f"{path}/confirm-close").status_code == 200
    assert _alarms(backend) == []
    backend.clock.forward(1801)
    assert [alarm.state for alarm in _alarms(backend)] == ["raised"]


def test_an_order_that_was_only_read_in_is_marked_and_cannot_replace_a_signed_one(backend: Backend) -> None:
    read_in = {"schema": "waakzaam.orders/1", "orders": [_document(order_id="VL-8")]}
    assert backend.gateway.put("/api/v1/orders", json=read_in).status_code == 200
    _signed(backend, document=_document())
    operator = backend.client("operator")
    signed = {order["order_id"]: order["signed"] for order in operator.get("/api/v1/orders").json()}
    assert signed == {"VL-8": False, "VL-9": True}
    assert operator.get("/orders", headers={"Accept-Language": "en"}).text.count("read in, not signed off") == 1
    over = {"schema": "waakzaam.orders/1", "orders": [_document(version=2)]}
    answer = backend.gateway.put("/api/v1/orders", json=over)
    assert (answer.status_code, "draft" in answer.json()["detail"]) == (409, True)
    (line,) = [line for line in backend.services.audit.newest() if line.action == "order.import_unsigned"]
    assert (line.subject, line.actor, line.detail["signed"]) == ("order:VL-8", "gateway", False)


@pytest.mark.parametrize(("role", "status"), [("administrator", 200), ("supervisor", 403), ("case_manager", 403)])
def test_only_an_administrator_or_a_gateway_that_was_allowed_reads_orders_in(
    backend: Backend, role: str, status: int
) -> None:
    assert backend.client(role).put("/api/v1/orders", json=ORDERS).status_code == status
    strict = create_app(replace(backend.settings, accept_unsigned_orders=False), backend.clock, backend.clock)
    answer = TestClient(strict).put("/api/v1/orders", json=ORDERS, headers=GATEWAY)
    assert (answer.status_code, "--accept-unsigned-orders" in answer.json()["detail"]) == (403, True)
    strict.state.services.database.close()
