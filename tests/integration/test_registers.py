"""Trackers, stock, experiences and the indicators made of them, on both databases."""

from __future__ import annotations

import copy
import csv
import io
from typing import Any

import pytest

from alarm_backend.feedback.questions import SHOWN_MIN, shown
from alarm_backend.stock.service import day_of
from gateway.contract.transitions import time_text
from tests.support.backend import ORDERS, START_MS, Backend

pytest_plugins = ("tests.support.backend",)
KEY = "ab" * 32
DAY_MS = 86_400_000
TODAY = day_of(START_MS)


def _order(backend: Backend, order_id: str = "VL-2026-0001", kind: str = "sentence_execution", tail: str = "1") -> None:
    order = {**copy.deepcopy(ORDERS["orders"][0]), "order_id": order_id, "mandate_kind": kind}
    order["monitored"] = {"person_id": f"M{tail}", "device_id": f"trk-m{tail}"}
    order["protected"] = [{"person_id": f"P{tail}", "device_id": f"trk-p{tail}"}]
    answer = backend.gateway.put("/api/v1/orders", json={"schema": "waakzaam.orders/1", "orders": [order]})
    assert answer.status_code == 200, answer.text


def _register(backend: Backend, device_id: str = "trk-m1", key: str | None = KEY) -> None:
    body = {"model": "T1", "key_fingerprint": key}
    answer = backend.client("case_manager").put(f"/api/v1/devices/{device_id}", json=body)
    assert answer.status_code == 200, answer.text


def _hook_up(backend: Backend, person: str = "M1", device: str = "trk-m1", **other: Any) -> Any:
    body = {"device_id": device, "order_id": "VL-2026-0001", "person_id": person, "strap_number": "S-1"}
    body |= {"battery_percent": 97, **other}
    return backend.client("case_manager").post("/api/v1/hookups", json=body)


def _heard(backend: Backend, person: str = "M1", device: str = "trk-m1", order_id: str = "VL-2026-0001") -> None:
    position = {"device_id": device, "order_id": order_id, "person_id": person, "lat": 50.9, "lon": 4.4}
    position |= {"role": "monitored" if person.startswith("M") else "protected"}
    position |= {"fix_time": time_text(backend.clock.ms), "horizontal_accuracy_m": 5.0}
    assert backend.gateway.post("/api/v1/positions", json={"positions": [position]}).status_code == 200
    backend.services.devices.look()


def _worn(backend: Backend, device: str = "trk-m1") -> dict[str, Any]:
    worn: dict[str, Any] = backend.client("operator").get(f"/api/v1/devices/{device}").json()["worn"]
    return worn


def test_a_hook_up_is_effective_from_the_first_message_after_it(backend: Backend) -> None:
    _order(backend)
    _register(backend)
    _heard(backend)  # before it was put on: counts for nothing
    backend.clock.forward(60)
    assert _hook_up(backend).status_code == 201
    backend.services.devices.look()
    assert _worn(backend)["effective_ms"] is None
    backend.clock.forward(60)
    _heard(backend)
    assert _worn(backend)["effective_ms"] == START_MS + 120_000
    told = [line.action for line in backend.services.audit.of_subject("device:trk-m1")]
    assert told == ["device.register", "device.hook_up", "device.effective"]


def test_a_tracker_without_a_key_is_never_effective(backend: Backend) -> None:
    _order(backend)
    _register(backend, key=None)
    _hook_up(backend)
    backend.clock.forward(60)
    _heard(backend)
    assert _worn(backend)["effective_ms"] is None


def test_a_protected_person_wears_none_without_recorded_consent(backend: Backend) -> None:
    _order(backend)
    _register(backend, "trk-p1")
    refused = _hook_up(backend, "P1", "trk-p1")
    assert (refused.status_code, "consent" in refused.json()["detail"]) == (422, True)
    assert _hook_up(backend, "P1", "trk-p1", consent=True).status_code == 201


@pytest.mark.parametrize(
    ("person", "device", "status"), [("M1", "trk-p1", 422), ("X9", "trk-m1", 422), ("M1", "trk-none", 404)]
)
def test_only_who_and_what_the_order_names_is_hooked_up(
    backend: Backend, person: str, device: str, status: int
) -> None:
    _order(backend)
    _register(backend, "trk-m1")
    _register(backend, "trk-p1")
    assert _hook_up(backend, person, device).status_code == status


def test_one_tracker_is_on_one_person_and_a_lost_one_on_nobody(backend: Backend) -> None:
    _order(backend)
    _register(backend)
    hooked = _hook_up(backend).json()
    assert _hook_up(backend).status_code == 409
    lost = {"condition": "lost"}
    client = backend.client("case_manager")
    assert client.post("/api/v1/devices/trk-m1/condition", json=lost).status_code == 409, "take it off first"
    off = client.post(f"/api/v1/hookups/{hooked['hookup_id']}/unhook", json={"reason": "lost"})
    assert off.status_code == 200
    assert client.post(f"/api/v1/hookups/{hooked['hookup_id']}/unhook", json={"reason": "lost"}).status_code == 409
    shown_ = client.get("/api/v1/devices/trk-m1").json()
    assert (shown_["condition"], shown_["worn"], len(shown_["hookups"])) == ("lost", None, 1)
    assert _hook_up(backend).status_code == 409, "a lost tracker is not usable"


def _stocked(backend: Backend, received: int = 100, **lot: Any) -> Any:
    client = backend.client("administrator")
    for code, kind in (("club-1", "venue"), ("fest-1", "event")):
        venue = {"name": code.title(), "kind": kind, "municipality": "Gent"}
        assert client.put(f"/api/v1/stock/venues/{code}", json=venue).status_code == 200
    body = {"item": "bracelet", "received": received, **lot}
    assert client.put("/api/v1/stock/lots/B-1", json=body).status_code == 200
    return client


def _move(client: Any, move_id: str, what: str, number: int, venue: str = "club-1", day: str = TODAY) -> Any:
    body = {"lot_id": "B-1", "venue_code": venue, "what": what, "number": number, "day": day}
    return client.put(f"/api/v1/stock/moves/{move_id}", json=body)


def test_stock_adds_up_and_a_repeat_counts_once(backend: Backend) -> None:
    client = _stocked(backend)
    for _ in range(2):
        assert _move(client, "move-0001", "distributed", 60).status_code == 200
    assert _move(client, "move-0001", "distributed", 61).status_code == 409, "the same name for another movement"
    assert _move(client, "move-0002", "distributed", 41, "fest-1").status_code == 409, "only 40 left"
    assert _move(client, "move-0003", "distributed", 40, "fest-1").status_code == 200
    assert _move(client, "move-0004", "returned", 61).status_code == 409, "club-1 has only 60"
    assert _move(client, "move-0005", "returned", 10).status_code == 200
    assert _move(client, "move-0006", "discarded", 5).status_code == 200
    lot = client.get("/api/v1/stock/lots").json()[0]
    assert (lot["in_stock"], lot["outstanding"], lot["where"]) == (10, 85, {"club-1": 45, "fest-1": 40})


def test_nothing_recalled_expired_or_of_tomorrow_is_handed_out(backend: Backend) -> None:
    client = _stocked(backend, item="strip", expires_day=day_of(START_MS - 2 * DAY_MS))
    assert "expired" in _move(client, "move-0001", "distributed", 1).json()["detail"]
    before = day_of(START_MS - 3 * DAY_MS)
    assert _move(client, "move-0002", "distributed", 7, day=before).status_code == 200, "written down late"
    assert _move(client, "move-0003", "distributed", 1, day=day_of(START_MS + DAY_MS)).status_code == 422
    recalled = client.post("/api/v1/stock/lots/B-1/recall", json={"reason": "weak signal"}).json()
    assert (recalled["where"], recalled["usable"]) == ({"club-1": 7}, False)
    assert "weak signal" in _move(client, "move-0004", "distributed", 1).json()["detail"]
    assert _move(client, "move-0005", "returned", 7).status_code == 200


def _answers(backend: Backend, venue: str, count: int, score: int, audience: str = "user") -> None:
    for _ in range(count):
        backend.clock.forward(3600)  # the form is given at a bounded rate
        body = {"venue_code": venue, "audience": audience, "scores": {"easy": score}, "problems": ["strip"]}
        answer = backend.gateway.post("/api/v1/feedback", json=body)
        assert answer.status_code == 201, answer.text


def test_experiences_of_few_point_at_nobody(backend: Backend) -> None:
    _stocked(backend)
    _answers(backend, "club-1", SHOWN_MIN, 4)
    _answers(backend, "fest-1", 2, 1)
    period = {"from_day": "2026-01-01", "until_day": "2026-12-31"}
    found = backend.client("evaluator", "eva").get("/api/v1/feedback", params=period).json()["user"]
    assert found["venues"] == {}, "with the total, five of club-1 would give the two of fest-1 away"
    assert (found["total"]["n"], found["withheld"]) == (7, 2)
    _answers(backend, "fest-1", SHOWN_MIN - 2, 1)
    found = backend.client("evaluator", "later").get("/api/v1/feedback", params=period).json()["user"]
    assert found["venues"]["club-1"]["scores"]["easy"] == {"n": 5, "mean": 4.0}
    assert (found["withheld"], found["total"]["scores"]["easy"]["mean"]) == (0, 2.5)


def test_no_withheld_number_can_be_worked_out_from_the_others() -> None:
    answer = {"scores": {}, "again": None, "problems": []}
    for sizes in ((3,), (9, 3), (9, 6, 1), (4, 4), (12, 2, 2, 2), (5, 5, 1)):
        found = shown({f"v{i}": [answer] * n for i, n in enumerate(sizes)}, "user")
        if found["total"] is not None:
            left = found["total"]["n"] - sum(venue["n"] for venue in found["venues"].values())
            assert left == 0 or left >= SHOWN_MIN, sizes


def test_experiences_carry_no_text_and_no_identity_and_come_at_a_bounded_rate(backend: Backend) -> None:
    _stocked(backend)
    good = {"venue_code": "club-1", "audience": "staff", "scores": {"workload": 2}}
    for extra in ({"comment": "ask Jan"}, {"name": "Jan"}, {"scores": {"comfortable": 3}}, {"scores": {"easy": 6}}):
        assert backend.gateway.post("/api/v1/feedback", json={**good, **extra}).status_code == 422, extra
    codes = [backend.gateway.post("/api/v1/feedback", json=good).status_code for _ in range(12)]
    assert codes == [201] * 10 + [429] * 2
    assert backend.gateway.post("/api/v1/feedback", json={**good, "venue_code": "nowhere"}).status_code == 404


def test_the_indicators_of_both_measures_come_from_the_registers(backend: Backend) -> None:
    for order_id, kind, tail in (("VL-1", "sentence_execution", "1"), ("VL-2", "investigation", "2")):
        _order(backend, order_id, kind, tail)
        _register(backend, f"trk-m{tail}")
        assert _hook_up(backend, f"M{tail}", f"trk-m{tail}", order_id=order_id).status_code == 201
    _register(backend, "trk-p1")
    _hook_up(backend, "P1", "trk-p1", order_id="VL-1", consent=True)
    backend.clock.forward(60)
    _heard(backend, order_id="VL-1")
    _heard(backend, "M2", "trk-m2", "VL-2")
    client = _stocked(backend)
    _move(client, "move-0001", "distributed", 60, "fest-1")
    _move(client, "move-0002", "returned", 20, "fest-1")
    backend.clock.forward(2 * 86_400)
    listed = backend.services.devices.history("trk-m2")
    assert listed.worn is not None
    worn = listed.worn.model_dump()
    bob = backend.client("case_manager", "bob")  # the others' sessions have ended
    off = bob.post(f"/api/v1/hookups/{worn['hookup_id']}/unhook", json={"reason": "end_of_order"})
    assert off.status_code == 200
    backend.clock.forward(86_400)
    span = {"from_day": TODAY, "until_day": day_of(backend.clock.ms), "step": "day"}
    found = backend.client("evaluator").get("/api/v1/reports/indicators", params=span).json()
    alarm, tool = found["victim_alarm"], found["detection"]
    assert (alarm["different_mandates"], alarm["mandates"]) == (2, {"investigation": 1, "sentence_execution": 1})
    assert [one["connections"] for one in alarm["series"]] == [2, 2, 1, 1], "the protected person's was never heard"
    assert (alarm["effective_connections"], alarm["orders_with_connection"]) == (1, 1)
    assert (tool["distributed"], tool["returned"]) == ({"bracelet": 60, "strip": 0}, {"bracelet": 20, "strip": 0})
    assert (tool["venues"], tool["events"], tool["by_venue"][0]["name"]) == (0, 1, "Fest-1")
    text = backend.client("evaluator").get("/api/v1/reports/indicators.csv", params=span).text
    rows = {(r["indicator"], r["of"], r["period"]): r["value"] for r in csv.DictReader(io.StringIO(text))}
    assert rows[("different_mandates", "", f"{span['from_day']}/{span['until_day']}")] == "2"
    assert rows[("effective_connections", "", TODAY)] == "2"
    for person in ("M1", "P1", "trk-m1"):
        assert person not in text
    backwards = {"from_day": span["until_day"], "until_day": span["from_day"]}
    assert backend.client("evaluator").get("/api/v1/reports/indicators", params=backwards).status_code == 422


@pytest.mark.parametrize(
    ("role", "open_to"),
    [
        ("operator", {"/devices"}),
        ("case_manager", {"/devices"}),
        ("supervisor", {"/devices", "/indicators", "/stock"}),
        ("evaluator", {"/indicators", "/stock"}),
        ("administrator", {"/indicators", "/stock"}),
    ],
)
def test_each_role_opens_its_own_registers(backend: Backend, role: str, open_to: set[str]) -> None:
    for path in ("/devices", "/indicators", "/stock"):
        assert backend.client(role).get(path).status_code == (200 if path in open_to else 403), path


def test_the_forms_of_the_pages_do_what_the_api_does_and_say_what_was_refused(backend: Backend) -> None:
    _order(backend)
    ann, admin = backend.client("case_manager"), backend.client("administrator")
    ann.post("/devices", data={"act": "register", "device_id": "trk-m1", "model": "T1", "key_fingerprint": KEY})
    wrong = ann.post("/devices", data={"act": "register", "device_id": "TRK!", "model": "T1"})
    assert (wrong.status_code, "device_id" in wrong.text) == (422, True)
    party = {"act": "hook_up", "device_id": "trk-m1", "party": "VL-2026-0001|M1", "strap_number": "S"}
    assert ann.post("/devices", data={**party, "battery_percent": "90"}).status_code == 200
    assert _worn(backend)["battery_percent"] == 90
    assert ann.post("/devices", data={**party, "battery_percent": "90"}).status_code == 409
    admin.post(
        "/stock", data={"act": "venue", "venue_code": "club-1", "name": "Club", "kind": "venue", "municipality": "Gent"}
    )
    admin.post("/stock", data={"act": "lot", "lot_id": "B-1", "item": "bracelet", "received": "10"})
    move = {"act": "move", "move_id": "move-0001", "lot_id": "B-1", "venue_code": "club-1", "what": "distributed"}
    assert admin.post("/stock", data={**move, "number": "11", "day": TODAY}).status_code == 409
    assert admin.post("/stock", data={**move, "number": "4", "day": TODAY}).status_code == 200
    thanks = backend.gateway.post("/experience", data={"venue_code": "club-1", "score_easy": "5", "problems": "none"})
    assert (thanks.status_code, "Dank u" in thanks.text) == (200, True)
    assert backend.gateway.post("/experience", data={"venue_code": "club-1"}).status_code == 422
